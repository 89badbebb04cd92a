"""
The business rules that no schema can state, checked over any number of summaries at once.

Great Expectations takes seconds to import, so that happens only inside ``check``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cct_ops.models.summary import Problem
from cct_ops.summaries.documents import Document
from cct_ops.summaries.expectations import broken
from cct_ops.summaries.schema import shown

RATE_TOLERANCE_PERCENT = 1
"""A rate that was rounded, or cut to a whole number as the old scripts did, still matches."""

MOST_TESTS = 2**53 - 1
"""From here on JSON's readers disagree about which number it is."""

_COUNTS = ("total_tests", "tests_passed", "tests_failed")
_OPTIONAL = ("tests_skipped", "tests_warned")


def check(summaries: Mapping[str, Document]) -> tuple[Problem, ...]:
    """
    Return every business rule that a summary breaks.

    A summary whose counts are missing or mistyped is left out: its schema errors say so already.
    """
    huge = tuple(problem for name, each in summaries.items() for problem in _huge(name, each))
    left_out = {problem.summary for problem in huge}
    rows = [
        row
        for name, each in summaries.items()
        if name not in left_out and (row := _row(name, each)) is not None
    ]
    return (*huge, *(_expect(rows) if rows else ()))


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
        "rate_gap": abs(float(rate or 0) - right),
        "status": str(status),
        "warning_signs": row["tests_failed"] + row["tests_warned"],
    }


def _expect(rows: list[dict[str, Any]]) -> Iterator[Problem]:
    # Its analytics would send an event for each use; they are off before the first import.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import pandas as pd
    from great_expectations.expectations.core import (
        ExpectColumnPairValuesAToBeGreaterThanB,
        ExpectColumnPairValuesToBeEqual,
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.row_conditions import Column

    def rule(name: str, path: str, sentence: str) -> dict[str, str]:
        return {"rule": name, "path": f"test_results.{path}", "sentence": sentence}

    def of_status(name: str, sentence: str) -> dict[str, str]:
        return rule(name, "overall_status", sentence)

    status = Column("status")
    expectations = [
        ExpectColumnPairValuesToBeEqual(
            column_A="counted",
            column_B="total_tests",
            meta=rule(
                "counts add up",
                "total_tests",
                "is {total_tests}, but {tests_passed} passed, {tests_failed} failed and"
                " {tests_skipped} skipped make {counted}.",
            ),
        ),
        ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="tests_passed",
            column_B="tests_warned",
            or_equal=True,
            meta=rule(
                "warned tests passed",
                "tests_warned",
                "is {tests_warned}, but only {tests_passed} passed, and a warned test is one that"
                " passed.",
            ),
        ),
        ExpectColumnValuesToBeBetween(
            column="rate_gap",
            max_value=RATE_TOLERANCE_PERCENT,
            strict_max=True,
            meta=rule(
                "rate matches",
                "success_rate",
                "is {success_rate:g}, but {tests_passed} of {total_tests} tests make"
                " {right_rate:g} %.",
            ),
        ),
        ExpectColumnValuesToBeBetween(
            column="tests_failed",
            max_value=0,
            row_condition=status == "PASS",
            meta=of_status("PASS has no failure", "is PASS, but {tests_failed} tests failed."),
        ),
        ExpectColumnValuesToBeBetween(
            column="tests_passed",
            min_value=1,
            row_condition=status == "PASS",
            meta=of_status("PASS has tests", "is PASS, but no test passed."),
        ),
        ExpectColumnValuesToBeBetween(
            column="tests_failed",
            min_value=1,
            row_condition=status == "FAIL",
            meta=of_status("FAIL has a failure", "is FAIL, but no test failed."),
        ),
        ExpectColumnValuesToBeBetween(
            column="warning_signs",
            min_value=1,
            row_condition=(status == "WARN") & (Column("total_tests") > 0),
            meta=of_status("WARN has a reason", "is WARN, but no test failed or warned."),
        ),
    ]
    # By its number, because a file's name can be text that pandas does not take.
    frame = pd.DataFrame([{**row, "summary": number} for number, row in enumerate(rows)])
    for meta, numbers in broken("summaries", frame, expectations, "summary"):
        for number in numbers:
            row = rows[number]
            yield Problem(
                summary=row["summary"],
                path=meta["path"],
                rule=meta["rule"],
                sentence=meta["sentence"].format(**row),
            )
