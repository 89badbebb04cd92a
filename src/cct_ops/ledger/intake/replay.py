"""Deliveries of the past, as they came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.deliveries import REPEATED
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from cct_ops.ledger.statements import scalar


class Past(NamedTuple):
    """One delivery, with the headers without which its body cannot be read; old ones lack it."""

    id: UUID
    source: str
    body: bytes | None
    headers: Mapping[str, str]
    status: str
    sender_id: str
    received_at: datetime
    admitted_by: str | None


def one(engine: sa.Engine, delivery_id: UUID) -> Past | None:
    """Return one delivery."""
    asked = sa.select(*_COLUMNS).where(deliveries.c.id == delivery_id)
    with engine.connect() as connection:
        row = connection.execute(asked).one_or_none()
    return Past(*row) if row else None


def open_incident(engine: sa.Engine, source: str, key: str) -> UUID | None:
    """Return the incident of this source that is open about this very thing."""
    is_open = incidents.c.state == sa.literal_column("'open'")
    same = (incidents.c.source == source, incidents.c.key == key, is_open)
    return scalar(engine, sa.select(incidents.c.id).where(*same))


def is_there(engine: sa.Engine, source: str, sender_id: str) -> bool:
    """Say whether a delivery of this name came from this source."""
    same = (deliveries.c.source == source, deliveries.c.sender_id == sender_id)
    return scalar(engine, sa.select(deliveries.c.id).where(*same).limit(1)) is not None


def repeated_by(engine: sa.Engine, incident_id: UUID | None) -> str | None:
    """Return the person who let the alert come in again that opened an incident; None of others."""
    opened = (alerts.c.incident_id == incident_id, alerts.c.verdict == "opened")
    again = deliveries.c.admitted_by.startswith(REPEATED, autoescape=True)
    asked = sa.select(deliveries.c.admitted_by).join(
        alerts, alerts.c.delivery_id == deliveries.c.id
    )
    said: str | None = scalar(engine, asked.where(*opened, again).limit(1))
    if said is None:
        return None
    who = said.removeprefix(REPEATED).rpartition(" from delivery ")[0]
    return who.rpartition(", ")[0] or who  # what comes last is how the person was known


def mark_reprocessed(engine: sa.Engine, delivery_id: UUID, note: str) -> None:
    """Take a delivery out of quarantine: all of its content came in by now."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(status="accepted", note=note)
        )


_COLUMNS = (
    deliveries.c.id,
    deliveries.c.source,
    deliveries.c.body,
    deliveries.c.headers,
    deliveries.c.status,
    deliveries.c.sender_id,
    deliveries.c.received_at,
    deliveries.c.admitted_by,
)
