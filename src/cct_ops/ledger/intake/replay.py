"""Deliveries of the past, as they came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import deliveries


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
