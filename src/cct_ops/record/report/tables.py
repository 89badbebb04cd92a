"""A report as tables: its numbers, its playbooks, and the incidents and runs behind them."""

from __future__ import annotations

from typing import Any

from cct_ops.record.report.facts import Facts
from cct_ops.record.report.figures import TIMES, mark
from cct_ops.record.report.model import Figure, Report
from cct_ops.record.report.words import value

Table = list[dict[str, str]]

_OF_PLAYBOOKS = (
    "incidents",
    "acknowledged",
    "attempts",
    "verified fixes",
    "undone",
    "came back within 1 h",
    "came back within 24 h",
    "blocked",
    "minutes saved",
)


def numbers(report: Report, most_ids: int) -> Table:
    """Return a row for each number in total, with so many of the ids behind it at most."""
    return [
        {
            "number": figure.name,
            "value": _known(figure),
            "behind it": str(len(figure.ids)),
            "which": _which(figure, most_ids),
            "about": figure.group.value,
        }
        for figure in report.total.figures
    ]


def _known(figure: Figure) -> str:
    """Return the value; nothing where there is none, for a dash would be a list in Markdown."""
    return "" if figure.value is None else value(figure)


def _which(figure: Figure, most_ids: int) -> str:
    shown = ", ".join(figure.ids[:most_ids])
    more = len(figure.ids) - most_ids
    return f"{shown} and {more} more" if more > 0 else shown


def playbooks(report: Report) -> Table:
    """Return a row for each playbook, and one for all."""
    return [
        {"playbook": section.playbook or "all"}
        | {name: value(section[name]) for name in _OF_PLAYBOOKS}
        | {
            f"{name}, {word}": _known(section[f"{name}, {word}"])
            for name in TIMES
            for word in ("median", "p95")
        }
        for section in (*report.playbooks, report.total)
    ]


def cases(facts: Facts, most: int) -> Table:
    """Return a row for each incident and run, the newest first, with the numbers it counts in."""
    marked = mark(facts)
    newest = facts.cases.sort_values("opened_at", ascending=False, kind="stable").head(most)
    counts = marked.frame.loc[newest.index, list(marked.counts)].to_dict("records")
    return [
        {
            "id": case["id"],
            "since (UTC)": f"{case['opened_at']:%Y-%m-%d %H:%M:%S}",
            "what": _text(case["what"]),
            "playbook": _text(case["playbook"]),
            "target": _text(case["target"]),
            "outcome": _text(case["outcome"]) or _text(case["state"]),
            "counts in": ", ".join(name for name, number in counted.items() if number),
        }
        for case, counted in zip(newest.to_dict("records"), counts, strict=True)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""  # pandas has None or NaN for what is missing
