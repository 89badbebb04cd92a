"""The business rules that no schema can state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cct_ops.models.summary import Problem
from cct_ops.summaries.documents import Document
from cct_ops.summaries.schema import shown

RATE_TOLERANCE_PERCENT = 1
"""A rate that was rounded, or cut to a whole number as the old scripts did, still matches."""

MOST_TESTS = 2**53 - 1
"""From here on JSON's readers disagree about which number it is."""


class _Rule(NamedTuple):
    """One rule about the counts of a summary, and what is said where they break it."""

    name: str
    field: str
    sentence: str
    holds: Callable[[Mapping[str, Any]], bool]


_RULES = (
    _Rule(
        "counts add up",
        "total_tests",
        "is {total_tests}, but {tests_passed} passed, {tests_failed} failed and {tests_skipped}"
        " skipped make {counted}.",
        lambda row: row["counted"] == row["total_tests"],
    ),
    _Rule(
        "warned tests passed",
        "tests_warned",
        "is {tests_warned}, but only {tests_passed} passed, and a warned test is one that passed.",
        lambda row: row["tests_passed"] >= row["tests_warned"],
    ),
    _Rule(
        "rate matches",
        "success_rate",
        "is {success_rate:g}, but {tests_passed} of {total_tests} tests make {right_rate:g} %.",
        lambda row: abs(row["success_rate"] - row["right_rate"]) < RATE_TOLERANCE_PERCENT,
    ),
    _Rule(
        "PASS has no failure",
        "overall_status",
        "is PASS, but {tests_failed} tests failed.",
        lambda row: row["status"] != "PASS" or row["tests_failed"] <= 0,
    ),
    _Rule(
        "PASS has tests",
        "overall_status",
        "is PASS, but no test passed.",
        lambda row: row["status"] != "PASS" or row["tests_passed"] >= 1,
    ),
    _Rule(
        "FAIL has a failure",
        "overall_status",
        "is FAIL, but no test failed.",
        lambda row: row["status"] != "FAIL" or row["tests_failed"] >= 1,
    ),
    _Rule(
        "WARN has a reason",
        "overall_status",
        "is WARN, but no test failed or warned.",
        lambda row: (
            row["status"] != "WARN"
            or row["total_tests"] <= 0
            or row["tests_failed"] + row["tests_warned"] >= 1
        ),
    ),
)

_COUNTS = ("total_tests", "tests_passed", "tests_failed")
_OPTIONAL = ("tests_skipped", "tests_warned")


def check(summaries: Mapping[str, Document]) -> tuple[Problem, ...]:
    """
    Return every business rule that a summary breaks.

    A summary whose counts are missing or mistyped is left out: its schema errors say so already.
    """
    huge = tuple(problem for name, each in summaries.items() for problem in _huge(name, each))
    left_out = {problem.summary for problem in huge}
    rows = (_row(name, each) for name, each in summaries.items() if name not in left_out)
    return (*huge, *(problem for row in rows if row is not None for problem in _broken(row)))


def success_rate(total: int, passed: int) -> float:
    """Return the rate that belongs to these counts, in percent; without tests it is 0."""
    return round(100 * passed / total, 2) if total else 0.0


def _huge(name: str, summary: Document) -> Iterator[Problem]:
    results = summary.get("test_results")
    if isinstance(results, dict):
        for key in (*_COUNTS, *_OPTIONAL, "success_rate"):
            number = results.get(key)
            # NaN is nowhere, so not between these two either.
            if isinstance(number, int | float) and not -MOST_TESTS <= number <= MOST_TESTS:
                yield Problem(
                    summary=name,
                    path=f"test_results.{key}",
                    rule="numbers can be counted with",
                    sentence=f"is {shown(number)}, which is too large to count with.",
                )


def _row(name: str, summary: Document) -> dict[str, Any] | None:
    results = summary.get("test_results")
    if not isinstance(results, dict):
        return None
    counts = {key: results.get(key) for key in _COUNTS}
    counts |= {key: results.get(key, 0) for key in _OPTIONAL}
    rate, status = results.get("success_rate"), results.get("overall_status")
    # A whole number may be written 8.0, and true is none although Python counts with it.
    whole = all(type(n) in (int, float) and n == int(n) for n in counts.values() if n is not None)
    if None in counts.values() or not whole or type(rate) not in (int, float):
        return None
    row: dict[str, Any] = {key: int(value) for key, value in counts.items() if value is not None}
    right = success_rate(row["total_tests"], row["tests_passed"])
    return row | {
        "summary": name,
        "counted": row["tests_passed"] + row["tests_failed"] + row["tests_skipped"],
        "success_rate": float(rate or 0),
        "right_rate": right,
        "status": str(status),
    }


def _broken(row: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the rules that the counts of one summary break."""
    for rule in _RULES:
        if not rule.holds(row):
            yield Problem(
                summary=row["summary"],
                path=f"test_results.{rule.field}",
                rule=rule.name,
                sentence=rule.sentence.format(**row),
            )
