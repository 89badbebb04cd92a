"""Bodies that are taken in one after the other, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.config.source_fields import Fields
from cct_ops.config.sources import Source
from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from tests.gateway.signing import FIELDS, SOURCES, Sent, sign

BATCH = "application/cloudevents-batch+json"


def take(engine: sa.Engine, name: str, content: object, source: Source | None = None) -> None:
    """Take one body in, as the named source or as a variant of it."""
    body = json.dumps(content).encode()
    headers = sign(name, body)
    if isinstance(content, list):
        headers["content-type"] = BATCH
    request = Sent(source or SOURCES[name], headers, body)
    incoming = incoming_of(name, request.source, request.received, "KEY")
    intake.record_all(engine, [incoming])


def fields(**changes: object) -> Source:
    """Return the source of JSON with other fields."""
    made = Fields.model_validate(FIELDS | changes)
    return SOURCES["json"].model_copy(update={"fields": made})


def verdicts(engine: sa.Engine) -> Sequence[str]:
    """Return what every alert did."""
    with engine.connect() as connection:
        return connection.scalars(sa.select(alerts.c.verdict).order_by(alerts.c.id)).all()


def episodes(engine: sa.Engine) -> list[tuple[int, str | None]]:
    """Return the episodes in order, and how each was closed."""
    asked = sa.select(incidents.c.episode, incidents.c.closed_as).order_by(incidents.c.episode)
    with engine.connect() as connection:
        return [(row.episode, row.closed_as) for row in connection.execute(asked)]


def count(engine: sa.Engine, table: sa.Table) -> int:
    """Count rows."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def later(engine: sa.Engine, seconds: float) -> None:
    """Let so much time pass: everything that the ledger remembers was so much earlier."""
    with engine.begin() as connection:
        for table in (deliveries, incidents, alerts):
            for column in table.c:
                if isinstance(column.type, sa.DateTime):
                    earlier = column - timedelta(seconds=seconds)
                    connection.execute(sa.update(table).values({column: earlier}))
