"""``cct-ops report``: what the incidents of a time were, in figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from cct_ops.commands import moments
from cct_ops.commands.incident import write
from cct_ops.commands.options import Html, Json
from cct_ops.terminal import say, say_json, show

if TYPE_CHECKING:
    from cct_ops.record.report.model import Report

_DONE = {
    "incidents": "incidents",
    "acknowledged": "acknowledged",
    "attempts": "attempts",
    "verified fixes": "verified fixes",
    "undone": "undone",
    "came back within 1 h": "back in 1 h",
    "came back within 24 h": "back in 24 h",
    "blocked": "blocked",
    "minutes saved": "minutes saved",
}
_CHANGES = ("made", "overdue now", "were reported overdue")
_ASKED = ("asked for", "approved", "declined", "expired", "void", "pending")


def report(
    *,
    since: Annotated[
        str, Parameter(help="30m, 12h, 30d, or a moment such as 2026-11-24T18:30.")
    ] = "30d",
    as_json: Json = False,
    html: Html = None,
    csv: Annotated[
        Path | None, Parameter(help="Write a row for each incident and run to this file.")
    ] = None,
    parquet: Annotated[
        Path | None, Parameter(help="Write the same rows to this file, with types, as Parquet.")
    ] = None,
) -> int:
    """
    Reckon per playbook and in total what came, what was done, how it ended and how long it took.

    Returns 1 where a row of the ledger cannot be true: it is named and left out.
    """
    from cct_ops.commands.here import ledger
    from cct_ops.record.report import checks, facts, figures, sheet

    engine, began = ledger(), moments.past(since, ahead=False)
    sound, left_out = checks.checked(facts.read(engine, began))
    found = figures.reckon(sound, left_out)
    if html is not None:
        from cct_ops.record.report.page import render

        write(html, render(found))
    if csv is not None:
        write(csv, sheet.sheet(sound))
    if parquet is not None:
        write(parquet, sheet.parquet(sound))
    files = [path for path in (html, csv, parquet) if path is not None]
    for path in files:
        say(f"the report is in {path}", stderr=as_json)
    if as_json:
        say_json(_content(found))
    elif not files:
        _print(found, since)
    for each in left_out:
        say(("left out: ", "bold red"), f"{each.id}: {'; '.join(each.why)}", stderr=True)
    return 1 if left_out else 0


def _content(found: Report) -> dict[str, Any]:
    """Return all figures, each with the ids behind it."""
    from cct_ops.record.report.words import MEANINGS

    return {
        "since": found.since,
        "until": found.until,
        "meanings": MEANINGS,
        "left_out": [{"id": each.id, "why": each.why} for each in found.left_out],
        "sections": [
            {
                "playbook": section.playbook,
                "figures": [
                    {
                        "group": figure.group,
                        "name": figure.name,
                        "value": figure.value,
                        "unit": figure.unit,
                        "of": figure.of,
                        "share": figure.share,
                        "ids": figure.ids,
                    }
                    for figure in section.figures
                ],
            }
            for section in (found.total, *found.playbooks)
        ],
    }


def _print(found: Report, since: str) -> None:
    from cct_ops.record.report import words
    from cct_ops.record.report.figures import BY_GUARD, ENDED, TIMES
    from cct_ops.record.report.model import Group

    say((words.first_sentence(found), "bold"))
    if not found.playbooks:
        return
    _table(found, "What came and what was done", _DONE)
    _parts(found, "How it ended", Group.ENDED, ENDED)
    _table(
        found,
        "How long it took: median / 95th percentile",
        {name: name for name in TIMES},
        spread=True,
    )
    _parts(found, "What was blocked", Group.BLOCKED, BY_GUARD)
    if found.total["asked for"].value:
        _table(found, "Requests for approval", {name: name for name in _ASKED})
        _table(found, "How long they waited: median / 95th percentile", {"waited": "waited"}, True)
    if found.total["made"].value:
        _table(found, "Temporary changes", {name: name for name in _CHANGES})
    say(f"Minutes saved: {words.MEANINGS['minutes saved']}")
    say(
        "The incidents behind each number, and what it means:"
        f" `cct-ops report --since {since} --json`"
    )


def _table(found: Report, title: str, names: dict[str, str], spread: bool = False) -> None:
    """Show these figures of each playbook, and of all."""
    from cct_ops.record.report.words import value

    rows = []
    for section in (*found.playbooks, found.total):
        row = {"playbook": section.playbook or "all"}
        for name in names:
            shown = (f"{name}, median", f"{name}, p95") if spread else (name,)
            row[name] = " / ".join(value(section[each]) for each in shown)
        rows.append(row)
    show({"playbook": "playbook", **names}, rows, as_json=False, title=title)


def _parts(found: Report, title: str, group: str, prefix: str) -> None:
    """Show the figures of one kind that there are at all."""
    rows: Iterable[dict[str, Any]] = [
        {"what": figure.name.removeprefix(prefix), "number": f"{figure.value:g}"}
        for figure in found.total.figures
        if figure.group == group and figure.name.startswith(prefix)
    ]
    if rows:
        show({"what": "", "number": "number"}, list(rows), as_json=False, title=title)
