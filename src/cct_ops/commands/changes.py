"""``cct-ops changes``: what is weakened at the moment, until when, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.options import Json
from cct_ops.terminal import columns, say, show

if TYPE_CHECKING:
    from uuid import UUID

changes = App(name="changes")

ChangeId = Annotated[str, Parameter(help="Its id, or as much of it as `cct-ops changes` shows.")]

_COLUMNS = columns(
    "id", "change", "before", "state", until="until (UTC)", owner="owner", reason="reason"
)


@changes.default
def listed(
    *,
    all_: Annotated[bool, Parameter(name="--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> int:
    """List the temporary changes that still have to be taken back."""
    from cct_ops.ledger import clock, ids
    from cct_ops.ledger.gate import changes as rows

    engine = ledger()
    now = clock.read(engine)
    found = rows.listed(engine, ended=all_)
    short = ids.shortened(engine, [change.id for change in found], ids.Kind.CHANGE)
    shown = [
        {
            "id": change.id,
            "change": str(change.call),
            "before": change.before,
            "state": f"{change.state}{', overdue' if change.open and change.until < now else ''}",
            "until": change.until,
            "owner": change.owner,
            "reason": change.reason,
            "playbook": change.playbook,
            "target": change.target,
            "run": change.run_id,
            "revert": str(change.revert),
        }
        for change in found
    ]
    empty = "There was no temporary change." if all_ else "No temporary change is in effect."
    show(_COLUMNS, shown, as_json=as_json, short=short, empty=empty)
    return 0


@changes.command
def extend(
    change: ChangeId,
    *,
    minutes: Annotated[float, Parameter(help="How long from now it shall last.")],
) -> int:
    """Let a temporary change last longer, as far as policy allows."""
    from cct_ops.config import policy
    from cct_ops.gate import scheduled_reverts
    from cct_ops.ledger.gate import changes as rows
    from cct_ops.settings import Settings

    meant = _meant(change)
    longest = policy.read(Settings.load().policy_path).temporary_changes.longest_minutes
    extended = rows.extend(ledger(), meant, minutes=minutes, longest_minutes=longest)
    scheduled_reverts.schedule(ledger(), extended)
    say(f"{extended.call} lasts until {extended.until:%Y-%m-%d %H:%M:%S} UTC.")
    return 0


@changes.command
def end(
    change: ChangeId,
    *,
    wait: Annotated[float, Parameter(help="How many seconds to wait until CCT shows it.")] = 60,
) -> int:
    """End a temporary change now: a run compares, puts back what was before, and reads it back."""
    from cct_ops.commands import ending
    from cct_ops.gate import scheduled_reverts
    from cct_ops.ledger.gate import changes as rows

    meant = rows.read(ledger(), _meant(change))
    if not meant.open:
        say(f"{meant.call} on {meant.target} has ended before: it is {meant.state}.")
        return 0 if ending.came_out_well(meant) else 1
    run_id = scheduled_reverts.end(ledger(), meant, by=person())
    say(f"Run {run_id} is asked to put it back.")
    ended, state = ending.awaited(ledger(), meant, run_id, wait)
    well = ending.came_out_well(ended)
    for line in ending.account(ended, run_id, state, wait):
        say(line, stderr=not well)
    return 0 if well else 1


def _meant(change: str) -> UUID:
    from cct_ops.ledger import ids

    return ids.one(ledger(), change, ids.Kind.CHANGE, listed_by="cct-ops changes --all")
