"""Deliveries that were authentic and not understood: behind each may be an alert."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.intake.deliveries import NOT_UNDERSTOOD
from cct_ops.ledger.intake.tables import deliveries
from cct_ops.ledger.people.pages import FRESH_HOURS
from cct_ops.ledger.people.tables import pages
from cct_ops.models.base import Frozen

_CAUSE = "quarantine of "


class Unread(Frozen):
    """The deliveries of one source not understood since the last notice: count and newest."""

    source: str
    count: int
    newest_id: UUID
    note: str | None

    @property
    def cause(self) -> str:
        """Name it as the cause of a page."""
        return f"{_CAUSE}{self.source}: {self.newest_id}"


def unnotified(engine: sa.Engine, pause_seconds: float) -> list[Unread]:
    """Return what people are to be notified of now, once per source and pause."""
    notified_at = (
        sa.select(sa.func.max(pages.c.raised_at))
        .where(pages.c.cause.startswith(sa.literal(_CAUSE) + deliveries.c.source + ": "))
        .scalar_subquery()
    )
    newest_first = sa.desc(deliveries.c.received_at)
    wanted = (
        sa.select(
            deliveries.c.source,
            sa.func.count().over(partition_by=deliveries.c.source).label("count"),
            deliveries.c.id.label("newest_id"),
            deliveries.c.note,
        )
        .distinct(deliveries.c.source)
        .where(
            deliveries.c.status.in_(NOT_UNDERSTOOD),
            deliveries.c.received_at > in_seconds(-FRESH_HOURS * 3600),
            notified_at.is_(None)
            | (
                (deliveries.c.received_at > notified_at)
                & (notified_at < in_seconds(-pause_seconds))
            ),
        )
        .order_by(deliveries.c.source, newest_first)
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted).mappings().all()
    return [Unread.model_validate(dict(row)) for row in rows]
