"""The deletion of old bodies: a delivery's digest, alerts and incidents stay for good."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.intake.tables import UNDERSTOOD, deliveries

AT_ONCE = 500
_DAY_SECONDS = 86400.0


def delete_old_bodies(engine: sa.Engine, keep_days: float) -> int:
    """
    Delete the bodies that came more than so many days ago, and return how many.

    One that was not understood stays: there may be an alert in it that nobody knows of.
    """
    oldest = (
        sa.select(deliveries.c.id)
        .where(
            deliveries.c.body.is_not(None),
            deliveries.c.status.in_(UNDERSTOOD),
            deliveries.c.received_at < in_seconds(-keep_days * _DAY_SECONDS),
        )
        .order_by(deliveries.c.received_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    delete = sa.update(deliveries).where(deliveries.c.id.in_(oldest)).values(body=None)
    deleted = 0
    while True:  # few at a time: alerts come in meanwhile
        with engine.begin() as tx:
            count = tx.execute(delete).rowcount
        deleted += count
        if count < AT_ONCE:
            return deleted
