"""``cct-ops changes``: what is weakened at the moment, until when, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators

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
    minutes: Annotated[
        int,
        Parameter(
            help="How long from now it shall last.", validator=validators.Number(gte=1, lte=1440)
        ),
    ],
    reason: Annotated[str, Parameter(help="Why it has to; kept in the record.")],
) -> int:
    """Let a temporary change last longer, as far as policy allows, or ask for the yes it takes."""
    from cct_ops.config import policy
    from cct_ops.errors import BadConfiguration
    from cct_ops.gate import extending
    from cct_ops.ledger.gate import change_ends
    from cct_ops.settings import Settings

    meant, why = _meant(change), " ".join(reason.split())[:300]
    if not why:
        raise BadConfiguration("say why it has to last longer")
    wanted = change_ends.new_wish(minutes, why, person())
    rules = policy.read(Settings.load().policy_path)
    granted = extending.extend(ledger(), rules, meant, wanted)
    if granted.asking_run_id is not None:
        say(f"It takes a yes again: run {granted.asking_run_id} asks for it.")
        return 0
    lasts = granted.change
    say(f"{lasts.call} lasts until {lasts.until:%Y-%m-%d %H:%M:%S} UTC.")
    if granted.later is not None:
        say(f"Its revert is made later: {granted.later}", stderr=True)
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
