"""The leaves that wait for the log, as tests look at them."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from cct_ops.ledger.record.log_tables import log_queue


class Leaf(NamedTuple):
    """One leaf: what was done to a row, what the row says for ever, and how it stands."""

    operation: str
    row: dict[str, Any]
    state: dict[str, Any]


def leaves(engine: sa.Engine, kind: str) -> list[Leaf]:
    """Return those of this kind, in their order."""
    asked = sa.select(log_queue.c.operation, log_queue.c.content).where(log_queue.c.kind == kind)
    with engine.connect() as connection:
        found = connection.execute(asked.order_by(log_queue.c.id)).all()
    return [Leaf(each.operation, each.content["row"], each.content["state"]) for each in found]
