"""The rules for summaries, and how they grow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from cct_ops.models.summary import Problem
from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.documents import parse
from cct_ops.summaries.proposal import propose
from cct_ops.summaries.repair import repair
from cct_ops.summaries.rules import check
from cct_ops.summaries.schema import problems, validator

RIGHT: list[dict[str, Any]] = [
    {},
    {"success_rate": 87},  # cut to a whole number, as the old scripts did
    {"overall_status": "ERROR"},
    {"overall_status": "FAIL"},
    {"tests_failed": 0, "total_tests": 7, "success_rate": 100, "overall_status": "PASS"},
    {"total_tests": 0, "tests_passed": 0, "tests_failed": 0, "tests_warned": 0, "success_rate": 0},
]
WRONG: dict[str, dict[str, Any]] = {
    "counts add up": {"total_tests": 9, "success_rate": 77.78},
    "warned tests passed": {"tests_warned": 8},
    "rate matches": {"success_rate": 86.5},
    "PASS has no failure": {"overall_status": "PASS"},
    "FAIL has a failure": {"overall_status": "FAIL", "tests_failed": 0, "tests_skipped": 1},
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


CHECKER = validator(SCHEMA, "schema")
JOBS: dict[str, Callable[[dict[str, Any]], object]] = {
    "problems": lambda document: problems(CHECKER, document, "a"),
    "repair": lambda document: repair(CHECKER, document, "a"),
    "propose": lambda document: propose(SCHEMA, {"a": document}),
}


def steps(job: Callable[[dict[str, Any]], object], fields: int) -> int:
    """Count the lines of Python that the job runs for a summary with so many unknown fields."""
    document = summary() | {f"field{n}": n for n in range(fields)}
    counted = 0

    def line(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal counted
        counted += 1
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        job(document)
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("name", JOBS)
def test_unknown_fields_cost_the_same_each_however_many_there_are(name: str) -> None:
    few, many = steps(JOBS[name], 200), steps(JOBS[name], 1600)

    assert many < 8 * 1.5 * few


def test_a_name_that_is_there_twice_is_found_at_once() -> None:
    """The search for it looks at each name once."""

    def repeated(names: int) -> int:
        text = ", ".join(f'"n{n}": 1' for n in [*range(names), names - 1])

        def job(_: dict[str, Any]) -> None:
            with pytest.raises(Exception, match="is there twice"):
                parse(f"{{{text}}}".encode(), "a")

        return steps(job, 0)

    assert repeated(1600) < 8 * 1.5 * repeated(200)


def test_a_wide_document_is_read_in_steps_that_do_not_grow() -> None:
    def job(document: dict[str, Any]) -> object:
        return parse(json.dumps(document).encode(), "a")

    assert steps(job, 1600) < 8 * 1.5 * steps(job, 200)
