"""What a loop could not deal with: each item with its reason, told once and tried now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.schema import at_column, metadata, text_column
from cct_ops.ledger.sql import now
from cct_ops.models.base import Frozen

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
_LONGEST_REASON = 1000

table = sa.Table(
    "set_aside",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    text_column("reason"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="1"),
    at_column("first_at", default=True),
    at_column("last_at", default=True),
    at_column("next_attempt_at", nullable=False),
    at_column("told_at"),
)


class SetAside(Frozen):
    """One item that its loop goes past, and why."""

    part: str
    item: str
    reason: str
    failures: int
    first_at: datetime
    last_at: datetime


def put(engine: sa.Engine, part: str, item: str, reason: str) -> None:
    """Set an item aside, for longer each time."""
    pause = sa.func.make_interval(0, 0, 0, 0, 0, 0, FIRST_PAUSE_SECONDS)
    longer = sa.func.make_interval(
        0,
        0,
        0,
        0,
        0,
        0,
        sa.func.least(
            LONGEST_PAUSE_SECONDS,
            FIRST_PAUSE_SECONDS * sa.func.power(2, sa.func.least(table.c.failures, 10)),
        ),
    )
    values = {"part": part, "item": plain(item), "reason": plain(reason)[:_LONGEST_REASON]}
    with engine.begin() as tx:
        tx.execute(
            insert(table)
            .values(**values, next_attempt_at=now() + pause)
            .on_conflict_do_update(
                index_elements=[table.c.part, table.c.item],
                set_={
                    "reason": values["reason"],
                    "failures": table.c.failures + 1,
                    "last_at": now(),
                    "next_attempt_at": now() + longer,
                },
            )
        )


def waiting(engine: sa.Engine, part: str) -> dict[str, bool]:
    """Return the items of a part that are set aside, each with whether it is left alone for now."""
    found = sa.select(table.c.item, table.c.next_attempt_at > now()).where(table.c.part == part)
    with engine.connect() as connection:
        return dict(connection.execute(found).tuples().all())


def over(engine: sa.Engine, part: str, item: str) -> None:
    """Forget an item that was dealt with after all."""
    with engine.begin() as tx:
        tx.execute(sa.delete(table).where(table.c.part == part, table.c.item == plain(item)))


def keep(engine: sa.Engine, part: str, items: set[str]) -> None:
    """Forget the items of a part that are there no more."""
    kept = [plain(each) for each in items]
    with engine.begin() as tx:
        tx.execute(sa.delete(table).where(table.c.part == part, table.c.item.not_in(kept)))


def listed(engine: sa.Engine) -> list[SetAside]:
    """Return all that is set aside, the oldest first."""
    with engine.connect() as connection:
        return _read(connection, sa.select(table).order_by(table.c.first_at))


@contextmanager
def untold(engine: sa.Engine) -> Iterator[list[SetAside]]:
    """
    Yield what people were not told about yet; of two who ask, one gets it.

    It counts as told only if the block ends without an error.
    """
    with engine.begin() as tx:
        wanted = sa.select(table).where(table.c.told_at.is_(None)).order_by(table.c.first_at)
        found = _read(tx, wanted.with_for_update(skip_locked=True))
        yield found
        for each in found:
            told = sa.update(table).where(table.c.part == each.part, table.c.item == each.item)
            tx.execute(told.values(told_at=now()))


def _read(connection: sa.Connection, wanted: sa.Select[tuple[object, ...]]) -> list[SetAside]:
    rows = connection.execute(wanted)
    names = SetAside.model_fields
    return [SetAside.model_validate({name: getattr(row, name) for name in names}) for row in rows]


def plain(text: str) -> str:
    """Return text that PostgreSQL keeps, whatever was in it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
