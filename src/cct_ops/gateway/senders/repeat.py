"""One alert of a past delivery, taken in once more as if it came now, because a person wants it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config.sources import Source
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.gateway.senders import reparse
from cct_ops.ledger import clock
from cct_ops.ledger.intake import deliveries, replay
from cct_ops.ledger.intake.deliveries import Incoming, Receipt
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.alert import Alert, AlertStatus


def firing(past: Past, sources: Mapping[str, Source]) -> tuple[Alert, ...]:
    """
    Return the alerts of a delivery that fire, as today's sources read them.

    Raises ``BadConfiguration`` where it is not understood, or was deleted.
    """
    read = reparse.incoming(past, sources)
    if read.alerts is None:
        raise BadConfiguration(f"delivery {past.id} cannot be repeated: {read.note}")
    return tuple(each for each in read.alerts if each.status is AlertStatus.FIRING)


def anew(alert: Alert, at: datetime) -> Alert:
    """
    Return the alert as one that begins at this moment.

    It is no other episode of what is open: nothing of the sender's own says that it is.
    """
    begun = {"starts_at": at, "ends_at": None, "undated": False, "message": ""}
    return alert.model_copy(update={**begun, "episodic": False, "reopens": False})


def incoming(past: Past, alert: Alert, by: str, once: UUID) -> Incoming:
    """Return the delivery that brings it, which names the person and the original."""
    return Incoming(
        past.source,
        json.dumps([alert.model_dump(mode="json")]).encode(),
        (alert,),
        None,
        sender_id=f"repeat {once}",
        admitted_by=f"{deliveries.REPEATED}{by} from delivery {past.id}",
    )


def repeat(
    engine: sa.Engine,
    past: Past,
    sources: Mapping[str, Source],
    position: int,
    *,
    by: str,
    once: UUID,
) -> Receipt:
    """
    Take the alert at this place among those that fire in once more, ``once`` for its id.

    Raises ``NotPermitted`` where an incident from it is open: it would start nothing.
    """
    alerts = firing(past, sources)
    if position not in range(len(alerts)):
        raise BadConfiguration(f"delivery {past.id} has no alert {position} that fires")
    if replay.is_there(engine, past.source, f"repeat {once}"):
        raise NotPermitted("Nothing was done: this was done already.")
    alert = anew(alerts[position], clock.read(engine))
    found = replay.open_incident(engine, past.source, alert.key)
    if found is not None:
        raise NotPermitted(
            f"Nothing was done: incident {found} from it is open, so it would start nothing."
        )
    return deliveries.record_all(engine, [incoming(past, alert, by, once)])[0]
