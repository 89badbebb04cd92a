"""Signs of life of our own parts, and who has been reported as silent."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.people.tables import heartbeats
from cct_ops.ledger.statements import Ledger, execute, read, upsert
from cct_ops.models.base import Frozen

_WORKERS = "workers of "


class HeartbeatChange(NamedTuple):
    """A part that fell silent, or that is heard again."""

    part: str
    last_at: datetime
    silent: bool


def beat(engine: sa.Engine, part: str, listening_for: str | None = None) -> datetime:
    """
    Note that the part lives, and return when that was, by the ledger's clock.

    Another one that it begins to listen for, and that was never heard, counts as heard just before.
    """
    heard = upsert(heartbeats, {"part": part}, {"last_at": now()})
    with engine.begin() as tx:
        if listening_for is not None:
            _expect(tx, listening_for)
        at: datetime = tx.execute(heard.returning(heartbeats.c.last_at)).scalar_one()
    return at


def _expect(tx: sa.Connection, part: str) -> None:
    tx.execute(insert(heartbeats).values(part=part, last_at=now()).on_conflict_do_nothing())


def worker_of(pool: str) -> str:
    """Name the workers of a pool as one part."""
    return f"{_WORKERS}{pool}"


def record_heard(engine: sa.Engine, part: str, seconds_ago: float) -> None:
    """Note that the part lived so long ago, by whose clock ever that was measured."""
    seen = in_seconds(-max(0.0, seconds_ago))
    execute(engine, upsert(heartbeats, {"part": part}, {"last_at": seen}))


def keep_workers(engine: sa.Engine, parts: Collection[str]) -> None:
    """Forget the workers of all other pools: nobody waits for them any more."""
    of_workers = heartbeats.c.part.startswith(_WORKERS, autoescape=True)
    execute(engine, sa.delete(heartbeats).where(of_workers, heartbeats.c.part.not_in(parts)))


def silent(engine: sa.Engine, parts: Collection[str], within_seconds: float) -> list[str]:
    """Return which of the parts, and of all workers, were not heard for that long, or never."""
    age = sa.extract("epoch", sa.func.clock_timestamp() - heartbeats.c.last_at)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(heartbeats.c.part, age.label("age"))).all()
    ages = {row.part: float(row.age) for row in rows}
    wanted = {*parts, *(part for part in ages if part.startswith(_WORKERS))}
    return sorted(part for part in wanted if ages.get(part, within_seconds + 1) > within_seconds)


@contextmanager
def changed(
    engine: sa.Engine,
    part: str,
    within_seconds: float,
    since: datetime | None = None,
    *,
    longer_to_start: float = 0,
) -> Iterator[HeartbeatChange | None]:
    """
    Yield the part's turn from heard to silent or back, once; None if there was none.

    It counts as reported only when the block ends without an error. Of two watchers one reports. A
    part that was never heard counts as heard when it was first looked for, and one that was silent
    while nobody listened as heard at ``since``, with so many seconds more until its first sign.
    """
    with engine.begin() as tx:
        _expect(tx, part)
        heard_at: sa.ColumnElement[datetime] = heartbeats.c.last_at
        if since is not None:  # what was reported as silent stays so until it is heard
            until = since + timedelta(seconds=longer_to_start)
            listened = sa.case((heartbeats.c.last_at < since, until), else_=heartbeats.c.last_at)
            heard_at = sa.case((heartbeats.c.alarmed_at.is_(None), listened), else_=heard_at)
        age = sa.extract("epoch", sa.func.clock_timestamp() - heard_at)
        row = tx.execute(
            sa.select(
                heartbeats.c.last_at,
                heartbeats.c.alarmed_at.is_not(None).label("alarmed"),
                (age > within_seconds).label("silent"),
            )
            .where(heartbeats.c.part == part)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None or row.silent is row.alarmed:
            yield None
            return
        yield HeartbeatChange(part, row.last_at, row.silent)
        tx.execute(
            sa.update(heartbeats)
            .where(heartbeats.c.part == part)
            .values(alarmed_at=now() if row.silent else None)
        )


class Heard(Frozen):
    """One part, when it was last heard, and since when people know that it is silent."""

    part: str
    last_at: datetime
    alarmed_at: datetime | None


def heard(ledger: Ledger) -> list[Heard]:
    """Return every part that anybody listens for."""
    columns = [heartbeats.c[name] for name in Heard.model_fields]
    return read(ledger, Heard, sa.select(*columns).order_by(heartbeats.c.part))
