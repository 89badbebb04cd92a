"""``cct-ops changes``: what is weakened at the moment, until when, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.commands.here import ledger

changes = App(name="changes")


@changes.default
def listed(
    *, all_: Annotated[bool, Parameter(name="--all", help="Also those that have ended.")] = False
) -> int:
    """List the temporary changes that still have to be taken back."""
    from cct_ops.ledger import changes as rows

    console, now = Console(soft_wrap=True), datetime.now(UTC)
    found = rows.listed(ledger(), ended=all_)
    if not found:
        console.print("No temporary change is in effect.")
        return 0
    table = Table("id", "change", "before", "state", "until (UTC)", "owner", "reason")
    for change in found:
        overdue = change.open and change.until < now
        table.add_row(
            str(change.id),
            Text(str(change.call)),
            Text(change.before),
            f"{change.state}{', overdue' if overdue else ''}",
            f"{change.until:%Y-%m-%d %H:%M:%S}",
            Text(change.owner),
            Text(change.reason),
        )
    console.print(table)
    return 0


@changes.command
def extend(
    change: UUID,
    *,
    minutes: Annotated[float, Parameter(help="How long from now it shall last.")],
) -> int:
    """Let a temporary change last longer, as far as policy allows."""
    from cct_ops import policy, wake_ups
    from cct_ops.ledger import changes as rows
    from cct_ops.settings import Settings

    longest = policy.read(Settings.load().policy_path).temporary_changes.longest_minutes
    extended = rows.extend(ledger(), change, minutes=minutes, longest_minutes=longest)
    wake_ups.wake(ledger(), extended)
    Console(soft_wrap=True).print(
        f"{extended.call} lasts until {extended.until:%Y-%m-%d %H:%M:%S} UTC.", markup=False
    )
    return 0


@changes.command
def end(change: UUID) -> int:
    """End a temporary change now: a run compares, and puts back what was before."""
    from cct_ops import wake_ups
    from cct_ops.ledger import changes as rows

    run_id = wake_ups.end(ledger(), rows.read(ledger(), change))
    Console(soft_wrap=True).print(f"Run {run_id} puts it back.", markup=False)
    return 0
