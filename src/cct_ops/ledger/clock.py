"""The ledger's clock, which alone decides what is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa


def now() -> sa.ColumnElement[datetime]:
    """The moment at which the database evaluates this, not the start of the transaction."""
    return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def in_seconds(seconds: float) -> sa.ColumnElement[datetime]:
    """That many seconds from now; negative for the past."""
    moment: sa.ColumnElement[datetime] = now() + timedelta(seconds=seconds)
    return moment


def read(ledger: sa.Engine | sa.Connection) -> datetime:
    """Return the ledger's time."""
    if isinstance(ledger, sa.Connection):
        return ledger.execute(sa.select(now())).scalar_one()
    with ledger.connect() as connection:
        return connection.execute(sa.select(now())).scalar_one()


def seconds_ahead(connection: sa.Connection) -> float:
    """Return how far the ledger's clock is ahead of this machine's."""
    before = datetime.now(UTC)
    there = connection.execute(sa.select(now())).scalar_one()
    after = datetime.now(UTC)
    return (there - (before + (after - before) / 2)).total_seconds()
