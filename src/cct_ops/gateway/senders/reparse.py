"""A delivery of the past, read as it would be read today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from cct_ops.config.sources import Source
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.parsed_delivery import Received, UnknownShape
from cct_ops.ledger.intake import deliveries, replay
from cct_ops.ledger.intake.deliveries import ADMITTED_BY, REPEATED, Incoming
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.alert import Alert
from cct_ops.models.base import counted

_ALERTS = TypeAdapter(tuple[Alert, ...])


def reprocess(engine: sa.Engine, delivery_id: UUID, sources: Mapping[str, Source], by: str) -> str:
    """
    Take in what was not understood if all of it is today, and say as what.

    Raises ``BadConfiguration`` where there is no such delivery, or it is still not understood.
    """
    past = replay.one(engine, delivery_id)
    if past is None or past.status not in deliveries.NOT_UNDERSTOOD:
        raise BadConfiguration(f"there is no delivery {delivery_id} in quarantine")
    again = incoming(past, sources)
    if again.alerts is None or again.in_part:
        raise BadConfiguration(f"it is still not understood: {again.note}")
    receipt = deliveries.record_all(engine, [again])[0]
    replay.mark_reprocessed(
        engine, delivery_id, f"Taken in by {by} as delivery {receipt.delivery_id}."
    )
    incidents = counted(len(receipt.incidents), "incident")
    return f"taken in as delivery {receipt.delivery_id}, {incidents}"


def incoming(past: Past, sources: Mapping[str, Source]) -> Incoming:
    """Return the delivery with today's alerts; None, and a note, where it is not understood."""
    body = b"" if past.body is None else past.body
    again = Incoming(
        past.source,
        body,
        None,
        None,
        sender_id=past.sender_id,
        headers=past.headers,
        admitted_by=past.admitted_by,
    )
    if past.body is None:
        return replace(again, note="its body is older than CCT_OPS_KEEP_BODIES_DAYS and deleted")
    if past.admitted_by is not None and past.admitted_by.startswith((ADMITTED_BY, REPEATED)):
        return replace(again, alerts=_ALERTS.validate_json(body))
    source = sources.get(past.source)
    if source is None:
        return replace(again, note=f"there is no source {past.source} any more")
    received = Received(tuple(past.headers.items()), body, past.received_at)
    try:
        parsed = kinds.read(received, source)
    except UnknownShape as error:
        return replace(again, note=str(error))
    return replace(
        again,
        alerts=parsed.alerts,
        note=parsed.note,
        sender_id=parsed.sender_id,
        in_part=parsed.in_part,
    )
