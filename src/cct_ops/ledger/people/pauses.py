"""What is paused in Prefect and was told to people, so that each pause is told once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.people.pause_tables import pauses
from cct_ops.ledger.sql import now


def told(engine: sa.Engine) -> list[str]:
    """Return what people know to be paused."""
    with engine.connect() as connection:
        return list(connection.execute(sa.select(pauses.c.part).order_by(pauses.c.part)).scalars())


@contextmanager
def beginning(engine: sa.Engine, part: str) -> Iterator[bool]:
    """
    Surround telling people that a part is paused; False if they were told already.

    It counts as told only if the block ends without an error. Of two tellers one tells.
    """
    with engine.begin() as tx:
        first = tx.execute(
            insert(pauses)
            .values(part=part, told_at=now())
            .on_conflict_do_nothing()
            .returning(pauses.c.part)
        )
        yield first.scalar() is not None


@contextmanager
def ending(engine: sa.Engine, part: str) -> Iterator[bool]:
    """Surround telling people that a part goes on; False if they were told that already."""
    with engine.begin() as tx:
        last = tx.execute(sa.delete(pauses).where(pauses.c.part == part))
        yield last.rowcount == 1
