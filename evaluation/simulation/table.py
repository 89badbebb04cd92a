"""The week as one table and one line."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.models.change import ChangeState
from cct_ops.models.guards import Guard
from evaluation.simulation.week import Week

CHANGES_END = {
    ChangeState.REVERTED: "taken back in time",
    ChangeState.NOT_MADE: "never made: its run died before",
    ChangeState.LEFT: "left to a person who had set it anew",
    ChangeState.REVERTED_BY_CCT: "found back as it had been",
}
UNWANTED = (
    "changes nobody needed any more",
    "changes against orders",
    "changes without their own yes",
    "changes beyond the budget",
    "changes too soon after another",
    "undone in the wrong order",
    "changes left half done",
    "repairs claimed, not made",
    "writes refused in mid-change",
)


def show(week: Week, console: Console, *, seconds: float) -> int:
    """Print the table and the line of totals; return 1 if what must be 0 is not."""
    table = Table(
        "", title=f"{week.days:g} days, {week.alerts} alerts about {week.targets} targets"
    )
    table.add_column("without guards", justify="right")
    table.add_column("with guards", justify="right")
    without, guarded = week.without, week.guarded

    def row(name: str, left: int | str, right: int | str, style: str = "") -> None:
        table.add_row(name, str(left), Text(str(right), style))

    row("attempts to repair", without.attempts, guarded.attempts)
    row("actions", without.changes, guarded.changes)
    row("actions put back", without.restores, guarded.restores)
    row("repaired and verified", without.fixed, guarded.fixed)
    row("processes that died or stalled", without.mishaps, guarded.mishaps)
    row("recovered by another process", 0, guarded.recovered)
    row("went on after too long a sleep", "sent", f"{guarded.stopped_writes} refused")
    row("calls to the person on call", "-", guarded.pages)
    table.add_section()
    for guard in Guard:
        row(f"blocked by: {guard}", "-", guarded.blocked[guard])
    table.add_section()
    for outcome, count in sorted(guarded.outcomes.items()):
        row(f"ended as: {outcome}", "-", count)
    table.add_section()
    row("temporary changes", without.weakenings, guarded.ends.total())
    for state, words in CHANGES_END.items():
        row(f"  {words}", "-", guarded.ends[state])
    table.add_section()
    for name, (left, right) in _zeros(week).items():
        row(f"{name} (must be 0)", left, right, "bold red" if right else "bold green")
    for name in UNWANTED:
        found = guarded.unwanted[name]
        row(f"{name} (must be 0)", "-", found, "bold red" if found else "bold green")
    broken = broken_promises(week)
    console.print(table)
    console.print(
        f"{guarded.changes} actions with guards, {without.changes} without;"
        f" {guarded.blocked.total()} blocked; {guarded.overdue} overdue, {guarded.concurrent}"
        f" concurrent, {guarded.unpermitted} unpermitted, {guarded.overwritten} overwritten with"
        f" guards; took {seconds:.0f} s: {'FAILED, ' + ', '.join(broken) if broken else 'passed'}",
        soft_wrap=True,
    )
    return 1 if broken else 0


def broken_promises(week: Week) -> list[str]:
    """Name what must be 0 with the guards and is not."""
    zeros = [name for name, (_, right) in _zeros(week).items() if right]
    return zeros + [name for name, found in week.guarded.unwanted.items() if found]


def _zeros(week: Week) -> dict[str, tuple[int, int]]:
    without, guarded = week.without, week.guarded
    return {
        "overdue temporary changes": (without.overdue, guarded.overdue),
        "concurrent changes on one target": (without.concurrent, guarded.concurrent),
        "actions without permit": (without.unpermitted, guarded.unpermitted),
        "values of people overwritten": (without.overwritten, guarded.overwritten),
    }
