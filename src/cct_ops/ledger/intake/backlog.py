"""How much waits, and how much waits for a person."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from cct_ops.ledger.intake.deliveries import NOT_UNDERSTOOD
from cct_ops.ledger.intake.tables import deliveries, dispatches, incidents


def counts(engine: sa.Engine) -> Mapping[str, int]:
    """Count what is not finished, in words that people and Prometheus share."""
    asked = {
        "incidents open": _count(incidents, incidents.c.state == "open"),
        "dispatches pending": _count(dispatches, dispatches.c.state == "pending"),
        "dispatches parked": _count(dispatches, dispatches.c.state == "parked"),
        "deliveries quarantined": _count(deliveries, deliveries.c.status.in_(NOT_UNDERSTOOD)),
    }
    with engine.connect() as connection:
        row = connection.execute(sa.select(*(part.label(name) for name, part in asked.items())))
        return dict(row.mappings().one())


def _count(table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(condition).scalar_subquery()
