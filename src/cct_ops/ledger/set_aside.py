"""What a loop could not deal with, each with its reason: reported once, tried now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import now
from cct_ops.ledger.schema import set_aside
from cct_ops.models.base import Frozen

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
_LONGEST_REASON = 1000


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
            FIRST_PAUSE_SECONDS * sa.func.power(2, sa.func.least(set_aside.c.failures, 10)),
        ),
    )
    values = {"part": part, "item": plain(item), "reason": plain(reason)[:_LONGEST_REASON]}
    with engine.begin() as tx:
        tx.execute(
            insert(set_aside)
            .values(**values, next_attempt_at=now() + pause)
            .on_conflict_do_update(
                index_elements=[set_aside.c.part, set_aside.c.item],
                set_={
                    "reason": values["reason"],
                    "failures": set_aside.c.failures + 1,
                    "last_at": now(),
                    "next_attempt_at": now() + longer,
                },
            )
        )


def waiting(engine: sa.Engine, part: str) -> dict[str, bool]:
    """Return the items of a part that are set aside, each with whether it is left alone for now."""
    found = sa.select(set_aside.c.item, set_aside.c.next_attempt_at > now()).where(
        set_aside.c.part == part
    )
    with engine.connect() as connection:
        return dict(connection.execute(found).tuples().all())


def over(engine: sa.Engine, part: str, item: str) -> None:
    """Forget an item that was dealt with after all."""
    with engine.begin() as tx:
        tx.execute(
            sa.delete(set_aside).where(set_aside.c.part == part, set_aside.c.item == plain(item))
        )


def keep(engine: sa.Engine, part: str, items: set[str]) -> None:
    """Forget the items of a part that are there no more."""
    kept = [plain(each) for each in items]
    with engine.begin() as tx:
        tx.execute(
            sa.delete(set_aside).where(set_aside.c.part == part, set_aside.c.item.not_in(kept))
        )


def listed(engine: sa.Engine) -> list[SetAside]:
    """Return all that is set aside, the oldest first."""
    with engine.connect() as connection:
        return _read(connection, sa.select(set_aside).order_by(set_aside.c.first_at))


@contextmanager
def unnotified(engine: sa.Engine) -> Iterator[list[SetAside]]:
    """
    Yield what was not reported to people yet; of two who ask, one gets it.

    It counts as reported only if the block ends without an error.
    """
    with engine.begin() as tx:
        wanted = (
            sa.select(set_aside)
            .where(set_aside.c.notified_at.is_(None))
            .order_by(set_aside.c.first_at)
        )
        found = _read(tx, wanted.with_for_update(skip_locked=True))
        yield found
        for each in found:
            reported = sa.update(set_aside).where(
                set_aside.c.part == each.part, set_aside.c.item == each.item
            )
            tx.execute(reported.values(notified_at=now()))


def _read(connection: sa.Connection, wanted: sa.Select[tuple[object, ...]]) -> list[SetAside]:
    rows = connection.execute(wanted)
    return [SetAside.model_validate(row, from_attributes=True) for row in rows]


def plain(text: str) -> str:
    """Return text that PostgreSQL keeps, whatever was in it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
