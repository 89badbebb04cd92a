"""Pauses in Prefect that people were notified of, so that each is reported once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import now
from cct_ops.ledger.people.tables import pauses
from cct_ops.ledger.statements import Ledger, execute, scalars


def notified(ledger: Ledger) -> list[str]:
    """Return what people know to be paused."""
    return scalars(ledger, sa.select(pauses.c.part).order_by(pauses.c.part))


@contextmanager
def beginning(engine: sa.Engine, part: str) -> Iterator[bool]:
    """
    Surround the notice that a part is paused; False if people had it already.

    It counts as sent only if the block ends without an error. Of two senders one sends.
    """
    offer = insert(pauses).values(part=part, notified_at=now())
    with engine.begin() as tx:
        yield execute(tx, offer.on_conflict_do_nothing()) == 1


@contextmanager
def ending(engine: sa.Engine, part: str) -> Iterator[bool]:
    """Surround the notice that a part goes on; False if people had it already."""
    with engine.begin() as tx:
        yield execute(tx, sa.delete(pauses).where(pauses.c.part == part)) == 1
