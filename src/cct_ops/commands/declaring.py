"""``cct-ops maintenance`` and ``cct-ops silence``: what people declare for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.moments import moment
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import columns, say, show

maintenance = App(name="maintenance", help="Times in which nothing is changed, as people declare.")
silence = App(name="silence", help="Alerts about which people get no notices for a while.")

Until = Annotated[str, Parameter(help="2h, 90m, 18:30 or 2026-11-24T18:30.")]
Reason = Annotated[str, Parameter(help="Why; kept in the record.")]
All = Annotated[bool, Parameter(name="--all", help="Also those that are over.")]
Id = Annotated[str, Parameter(help="Its id, or as much of it as the list shows.")]

MOST = 1000
_WINDOWS = columns(
    "id",
    "targets",
    "reason",
    "person",
    starts_at="from (UTC)",
    ends_at="to (UTC)",
    ended_at="ended (UTC)",
)
_SILENCES = columns(
    "id", "matchers", "reason", "person", until="until (UTC)", ended_at="ended (UTC)"
)


@maintenance.command(name="start")
def start_maintenance(
    *targets: Annotated[str, Parameter(help='Such as /daily-summary, "/daily-*", or "*" for all.')],
    until: Until,
    reason: Reason,
    begin: Annotated[
        str | None, Parameter(name="--from", help="When it begins, written alike; else now.")
    ] = None,
) -> int:
    """Let nothing be changed on these targets until then; alerts are stored and looked at."""
    from uuid import uuid4

    from cct_ops.config import policy, targets as names
    from cct_ops.ledger.gate import maintenance as windows
    from cct_ops.models.maintenance import Declared
    from cct_ops.settings import Settings

    now = datetime.now().astimezone()
    begins = now if begin is None else moment(begin, now)
    patterns = names.checked_patterns(targets, policy.read(Settings.load().policy_path))
    window = Declared(
        id=uuid4(),
        targets=patterns,
        starts_at=begins.astimezone(UTC),
        ends_at=moment(until, begins).astimezone(UTC),
        reason=_given(reason),
        person=person(),
    )
    windows.declare(ledger(), window)
    say(f"Maintenance {window.id}: nothing is changed on {', '.join(patterns)} until then.")
    return 0


@maintenance.command(name="end")
def end_maintenance(window: Id) -> int:
    """End maintenance before its time: automation may change the targets again."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.gate import maintenance as windows

    listed_by = "cct-ops maintenance list --all"
    meant = ids.one(ledger(), window, ids.Kind.MAINTENANCE, listed_by=listed_by)
    if not windows.end(ledger(), meant, person()):
        raise BadConfiguration(f"maintenance {meant} has ended already")
    say(f"Maintenance {meant} has ended.")
    return 0


@maintenance.command(name="list")
def list_maintenance(*, all_: All = False, as_json: Json = False) -> int:
    """List the maintenance that goes on or is to come; the policy's weekly hours are not in it."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.gate import maintenance as windows

    engine = ledger()
    found = windows.newest(engine, MOST) if all_ else windows.standing(engine)
    short = ids.shortened(engine, [each.id for each in found], ids.Kind.MAINTENANCE)
    rows = [{**each.model_dump(), "targets": ", ".join(each.targets)} for each in found]
    show(_WINDOWS, rows, as_json=as_json, short=short, empty="Nobody has declared any.")
    return 0


@silence.command(name="start")
def start_silence(
    matchers: Annotated[str, Parameter(help='As Alertmanager has them: alertname="HighLatency".')],
    *,
    until: Until,
    reason: Reason,
) -> int:
    """Send no notices and no pages about alerts that fulfil all of these; playbooks go on."""
    from uuid import uuid4

    from cct_ops.ledger.people import silences

    ends = moment(until, datetime.now().astimezone()).astimezone(UTC)
    made = silences.Muted(
        id=uuid4(),
        matchers=silences.checked(matchers),
        until=ends,
        reason=_given(reason),
        person=person(),
    )
    silences.declare(ledger(), made)
    say(f"Silence {made.id}: no notices about {made.matchers} until {ends:%Y-%m-%d %H:%M} UTC.")
    return 0


@silence.command(name="end")
def end_silence(silence: Id) -> int:
    """End a silence before its time: people are notified again."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import silences

    listed_by = "cct-ops silence list --all"
    meant = ids.one(ledger(), silence, ids.Kind.SILENCE, listed_by=listed_by)
    if not silences.end(ledger(), meant, person()):
        raise BadConfiguration(f"silence {meant} has ended already")
    say(f"Silence {meant} has ended.")
    return 0


@silence.command(name="list")
def list_silences(*, all_: All = False, as_json: Json = False) -> int:
    """List the silences that count now; those of Alertmanager are not among them."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import silences

    engine = ledger()
    found = silences.newest(engine, MOST) if all_ else silences.standing(engine)
    short = ids.shortened(engine, [each.id for each in found], ids.Kind.SILENCE)
    rows = [each.model_dump() for each in found]
    show(_SILENCES, rows, as_json=as_json, short=short, empty="Nothing is silenced.")
    return 0


def _given(reason: str) -> str:
    if not reason.strip():
        raise BadConfiguration("say why, for whoever comes upon it")
    return reason.strip()
