"""The week as one table and one line."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.models.guards import Guard
from simulation.week import Tally, Week


def show(week: Week, console: Console, *, seconds: float) -> int:
    """Print the table and the line of totals; return 1 if what must be 0 is not."""
    table = Table(
        "", title=f"{week.days:g} days, {week.alerts} alerts about {week.targets} targets"
    )
    table.add_column("without guards", justify="right")
    table.add_column("with guards", justify="right")

    def row(name: str, without: int | str, guarded: int | str, style: str = "") -> None:
        table.add_row(name, str(without), Text(str(guarded), style))

    row("attempts to repair", week.without.attempts, week.guarded.attempts)
    row("actions", week.without.changes, week.guarded.changes)
    row("actions put back", week.without.restores, week.guarded.restores)
    row("repaired and verified", week.without.fixed, week.guarded.fixed)
    row("writes of runs that had lost their lock", "sent", f"{week.guarded.stopped_writes} refused")
    table.add_section()
    for guard in Guard:
        row(f"stopped by: {guard}", "-", week.guarded.blocked[guard])
    table.add_section()
    for outcome, count in sorted(week.guarded.outcomes.items()):
        row(f"ended as: {outcome}", "-", count)
    table.add_section()
    for name, (without, guarded) in _zeros(week).items():
        row(f"{name} (must be 0)", without, guarded, "bold red" if guarded else "bold green")
    console.print(table)

    broken = [name for name, (_, guarded) in _zeros(week).items() if guarded]
    console.print(
        f"{week.guarded.changes} actions with guards, {week.without.changes} without;"
        f" {sum(week.guarded.blocked.values())} stopped;"
        f" {_line(week.guarded)} with guards; took {seconds:.0f} s:"
        f" {'FAILED, ' + ', '.join(broken) if broken else 'passed'}",
        soft_wrap=True,
    )
    return 1 if broken else 0


def _zeros(week: Week) -> dict[str, tuple[int, int]]:
    return {
        "overdue temporary changes": (week.without.overdue, week.guarded.overdue),
        "concurrent changes on one target": (week.without.concurrent, week.guarded.concurrent),
        "actions without permit": (week.without.unpermitted, week.guarded.unpermitted),
    }


def _line(tally: Tally) -> str:
    return (
        f"{tally.overdue} overdue, {tally.concurrent} concurrent, {tally.unpermitted} unpermitted"
    )
