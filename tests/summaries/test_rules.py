"""What no schema can state: counts add up, the rate matches, the status agrees."""

from __future__ import annotations

from typing import Any

import pytest

from cct_ops.models.summary import Problem
from cct_ops.scenarios.seeds import summary
from cct_ops.summaries.rules import check

RIGHT: list[dict[str, Any]] = [
    {},
    {"success_rate": 87},  # cut to a whole number, as the old scripts did
    {"overall_status": "ERROR"},
    {"overall_status": "FAIL"},
    {"tests_failed": 0, "total_tests": 7, "success_rate": 100, "overall_status": "PASS"},
    {
        "total_tests": 0,
        "tests_passed": 0,
        "tests_failed": 0,
        "tests_warned": 0,
        "success_rate": 0,
    },
]
WRONG: dict[str, dict[str, Any]] = {
    "counts add up": {"total_tests": 9, "success_rate": 77.78},
    "warned tests passed": {"tests_warned": 8},
    "rate matches": {"success_rate": 86.5},
    "PASS has no failure": {"overall_status": "PASS"},
    "FAIL has a failure": {
        "overall_status": "FAIL",
        "tests_failed": 0,
        "tests_skipped": 1,
    },
    "WARN has a reason": {"tests_failed": 0, "tests_skipped": 1, "tests_warned": 0},
    "PASS has tests": {
        "total_tests": 0,
        "tests_passed": 0,
        "tests_failed": 0,
        "tests_warned": 0,
        "success_rate": 0,
        "overall_status": "PASS",
    },
}


@pytest.fixture(scope="module")
def broken() -> tuple[Problem, ...]:
    """What is wrong with all of these summaries, checked at once."""
    summaries = {f"right {index}": summary(**results) for index, results in enumerate(RIGHT)}
    summaries |= {rule: summary(**results) for rule, results in WRONG.items()}
    return check(summaries)


def test_summaries_that_agree_with_themselves_break_no_rule(broken: tuple[Problem, ...]) -> None:
    assert [found for found in broken if found.summary.startswith("right")] == []


@pytest.mark.parametrize("rule", WRONG)
def test_each_rule_finds_exactly_what_it_is_for(broken: tuple[Problem, ...], rule: str) -> None:
    assert [found.rule for found in broken if found.summary == rule] == [rule]


def test_a_broken_rule_is_said_with_its_place_and_its_numbers(broken: tuple[Problem, ...]) -> None:
    found = next(each for each in broken if each.rule == "rate matches")

    assert str(found) == (
        "rate matches: test_results.success_rate: is 86.5, but 7 of 8 tests make 87.5 %."
    )


@pytest.mark.parametrize("results", [{"total_tests": "8"}, {"success_rate": None}])
def test_counts_of_the_wrong_type_are_left_to_the_schema(results: dict[str, object]) -> None:
    assert check({"mistyped": summary(**results), "no results": {}}) == ()
