"""``cct-ops inbox``, ``cct-ops reprocess`` and ``cct-ops requeue``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators

from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import columns, say, show

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cct_ops.ledger.intake.inbox import Arrived

_COLUMNS = columns(
    received_at="received (UTC)",
    source="source",
    alert="alert",
    became="what became of it",
    id="incident or delivery",
)
_LIMITS = {"alert": 40, "became": 200}


def inbox(
    *,
    limit: Annotated[
        int,
        Parameter(
            help="How many alerts, the newest first.", validator=validators.Number(gte=1, lte=10**9)
        ),
    ] = 50,
    unfinished: Annotated[bool, Parameter(help="Only what waits, or waits for a person.")] = False,
    as_json: Json = False,
) -> int:
    """Show what came in and what became of it: run, duplicate, blocked, ignored, quarantined."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger.intake import inbox as arrivals

    engine = ledger()
    found = arrivals.newest(engine, limit, unfinished=unfinished)
    listed(engine, found, as_json=as_json)
    if not as_json:
        counts = arrivals.count_backlog(engine)
        say(", ".join(f"{what}: {count}" for what, count in counts.items()))
    return 0


def listed(engine: sa.Engine, found: Sequence[Arrived], *, as_json: bool) -> None:
    """Show arrivals."""
    from cct_ops.ledger import ids

    named = [each.incident_id or each.delivery_id for each in found]
    short = ids.shortened(engine, named, *ids.WHATEVER)
    rows = [_row(each) for each in found]
    show(_COLUMNS, rows, as_json=as_json, limits=_LIMITS, short=short)


def _row(each: Arrived) -> dict[str, Any]:
    return {
        "received_at": each.received_at,
        "source": each.source,
        "alert": each.alertname or "-",
        "became": each.became + each.again,
        "id": each.incident_id or each.delivery_id,
        "delivery": each.delivery_id,
        "incident": each.incident_id,
        "run": each.flow_run_id,
        "playbook": each.playbook,
        "copies": each.copies,
        "last_received_at": each.last_received_at,
    }


def reprocess(delivery: Annotated[str, Parameter(help="Its id, as the inbox shows it.")]) -> int:
    """Read what was not understood with today's sources, and take it in if all of it is now."""
    from cct_ops.commands.here import ledger
    from cct_ops.config import yaml_files
    from cct_ops.config.sources import Sources
    from cct_ops.gateway.senders import reparse
    from cct_ops.ledger import ids
    from cct_ops.settings import Settings

    engine = ledger()
    meant = ids.one(engine, delivery, ids.Kind.DELIVERY, listed_by="cct-ops inbox --unfinished")
    known = yaml_files.load(Settings.load().sources_path, Sources).sources
    say(reparse.reprocess(engine, meant, known, by="a person"))
    return 0


def requeue(incident: Annotated[str, Parameter(help="Its id, as the inbox shows it.")]) -> int:
    """Give an incident that was set aside another try: its playbook, or its notice to people."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import ids
    from cct_ops.ledger.intake import outbox

    engine = ledger()
    meant = ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops inbox --unfinished")
    again = outbox.requeue(engine, meant)
    if again is None:
        raise BadConfiguration(
            f"nothing of incident {meant} was set aside; where it stands: `cct-ops why {meant}`"
        )
    words = {outbox.REMEDIATE: "It is routed again", outbox.NOTICE: "People are notified again"}
    say(f"{words[again]}, as soon as a controller takes it.")
    return 0
