"""
The facts as a sheet: a row for each incident and run, with a column for each number.

The sum of a column of counts is the number in the report, and its rows are the incidents behind it.
"""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from cct_ops.record.report.facts import Facts
from cct_ops.record.report.figures import TIMES, mark
from cct_ops.terminal import visible

# What a spreadsheet takes for a formula, also where it is written in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- those
_TEXTS = ("what", "began_by", "playbook", "target", "state", "outcome")


def sheet(facts: Facts) -> str:
    """Return the sheet as CSV; text of senders is text in it, and no formula."""
    marked, cases = mark(facts), facts.cases
    numbers = [*marked.counts, *TIMES]
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        ["id", "incident or run", "since (UTC)", *_TEXTS, "guards"]
        + [f"{name} (seconds)" if name in TIMES else name for name in numbers]
    )
    for case, number in zip(
        cases.to_dict("records"), marked.frame[numbers].to_dict("records"), strict=True
    ):
        rows.writerow(
            [
                case["id"],
                "incident" if case["incident"] else "run",
                f"{case['opened_at']:%Y-%m-%d %H:%M:%S}",
                *(harmless(case[name]) for name in _TEXTS),
                harmless(", ".join(case["guards"])),
                *("" if math.isnan(each) else round(each, 3) for each in number.values()),
            ]
        )
    return out.getvalue()


def harmless(value: Any) -> str:
    """Return text that no spreadsheet takes for a formula; empty where there is none."""
    text = value if isinstance(value, str) else ""  # pandas has None or NaN for what is missing
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        text = f"'{text}"
    return visible(text)
