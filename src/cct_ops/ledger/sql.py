"""The database's clock, as expressions."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa


def now() -> sa.ColumnElement[datetime]:
    """The moment at which the database evaluates this, not the start of the transaction."""
    return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def in_seconds(seconds: float) -> sa.ColumnElement[datetime]:
    """That many seconds from now; negative for the past."""
    moment: sa.ColumnElement[datetime] = now() + timedelta(seconds=seconds)
    return moment
