"""The journal of an experiment as a page."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.models.journal import Entry
from cct_ops.reports.render import escape


def journal_page(title: str, entries: Sequence[Entry]) -> str:
    """Render every look as a row of a table, oldest first."""
    rows = [
        f"| {entry.at:%H:%M:%S} | {entry.phase} | {escape(entry.note)} | {_seen(entry)} |"
        for entry in entries
    ]
    head = ["| UTC | phase | what | seen |", "|---|---|---|---|"]
    return "\n".join([f"# {escape(title)}", "", *head, *rows, ""])


def _seen(entry: Entry) -> str:
    seen = [
        f"{escape(each.path)}: {escape(each.seen)} in {each.latency_ms:.0f} ms"
        for each in entry.samples
    ]
    if entry.missed is not None:
        seen.append(f"{entry.missed} routes miss their objectives")
    if entry.noticed is not None:
        seen.append(f"{entry.noticed} breaches recorded since the beginning")
    return "; ".join(seen)
