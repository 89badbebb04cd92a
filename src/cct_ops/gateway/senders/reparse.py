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
    if past.admitted_by == ADMITTED_BY:
        return _again(past, _ALERTS.validate_json(past.body), None, past.sender_id)
    source = sources.get(past.source)
    if source is None:
        return _again(past, None, f"there is no source {past.source} any more", past.sender_id)
    received = Received(tuple(past.headers.items()), past.body, past.received_at)
    try:
        parsed = kinds.read(received, source)
    except UnknownShape as error:
        return _again(past, None, str(error), past.sender_id)
    again = _again(past, parsed.alerts, parsed.note, parsed.sender_id)
    return replace(again, in_part=parsed.in_part)


def _again(
    past: Past, alerts: tuple[Alert, ...] | None, note: str | None, sender_id: str
) -> Incoming:
    return Incoming(
        past.source,
        past.body,
        alerts,
        note,
        sender_id=sender_id,
        headers=past.headers,
        admitted_by=past.admitted_by,
    )
