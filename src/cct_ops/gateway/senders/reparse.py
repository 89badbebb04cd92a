"""A delivery of the past, read as it would be read today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import TypeAdapter

from cct_ops.config.sources import Source
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.parsed_delivery import Received, UnknownShape
from cct_ops.ledger.intake.deliveries import ADMITTED_BY, Incoming
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.alert import Alert

_ALERTS = TypeAdapter(tuple[Alert, ...])


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
    if past.admitted_by == ADMITTED_BY:
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
