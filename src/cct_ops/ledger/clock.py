"""The ledger's clock, which alone decides what is due."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from cct_ops.ledger.sql import now


def read(engine: sa.Engine) -> datetime:
    """Return the ledger's time."""
    with engine.connect() as connection:
        return connection.execute(sa.select(now())).scalar_one()


def seconds_ahead(connection: sa.Connection) -> float:
    """Return how far the ledger's clock is ahead of this machine's."""
    before = datetime.now(UTC)
    there = connection.execute(sa.select(now())).scalar_one()
    after = datetime.now(UTC)
    return (there - (before + (after - before) / 2)).total_seconds()
