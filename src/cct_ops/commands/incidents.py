"""``cct-ops incidents``: what there are accounts of."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from cct_ops.commands import moments
from cct_ops.commands.names import refused
from cct_ops.commands.options import Json
from cct_ops.terminal import columns, say, show

_COLUMNS = columns(
    "id", "what", "playbook", "target", "state", "outcome", at="since (UTC)", began_by="began by"
)
_LIMITS = {"what": 40, "target": 40, "began_by": 30}


def incidents(
    *,
    state: Annotated[str | None, Parameter(help="open or closed.")] = None,
    playbook: Annotated[str | None, Parameter(help="Its name.")] = None,
    target: Annotated[str | None, Parameter(help="What it was about, such as a route.")] = None,
    since: Annotated[
        str | None, Parameter(help="30m, 12h, 7d, or a moment such as 2026-11-24T18:30.")
    ] = None,
    outcome: Annotated[
        str | None, Parameter(help="How it ended: Resolved, Blocked, 'no run', ...")
    ] = None,
    limit: Annotated[
        int, Parameter(help="The newest so many.", validator=validators.Number(gte=1, lte=10**6))
    ] = 50,
    as_json: Json = False,
) -> int:
    """List incidents, and runs that a person or a schedule started for none, the newest first."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import ids
    from cct_ops.record import incidents as listed

    engine = ledger()
    filters = listed.Filters(
        state=_one_of(state, (listed.OPEN, listed.CLOSED), "state"),
        playbook=playbook,
        target=target,
        since=None if since is None else moments.past(since, ahead=False),
        outcome=_one_of(outcome, listed.OUTCOMES, "outcome"),
    )
    found = listed.newest(engine, limit, filters)
    short = ids.shortened(engine, [each.id for each in found], *ids.WHATEVER)
    rows = [each.model_dump() for each in found]
    show(_COLUMNS, rows, as_json=as_json, limits=_LIMITS, short=short, empty="There is none.")
    if len(found) == limit and not as_json:
        say(f"only the newest {limit} are shown")
    return 0


def _one_of(given: str | None, known: tuple[str, ...], what: str) -> str | None:
    """Return the word as the ledger has it, however it was typed."""
    if given is None:
        return None
    meant = {word.lower(): word for word in known}.get(given.strip().lower())
    if meant is None:
        raise refused(given, known, what)
    return meant
