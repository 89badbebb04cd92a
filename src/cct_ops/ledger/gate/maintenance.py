"""Maintenance that people declare: nothing is changed on these targets, from when to when."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import BadConfiguration
from cct_ops.ledger import clock
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.declared_tables import maintenance_windows as windows
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.statements import Ledger, execute, read
from cct_ops.models.base import counted
from cct_ops.models.maintenance import Declared

LONGEST_DAYS = 7
FURTHEST_DAYS = 30

_STANDING = (windows.c.ended_at.is_(None), windows.c.ends_at > now())
_COLUMNS = [windows.c[name] for name in Declared.model_fields]


def declare(engine: sa.Engine, window: Declared) -> bool:
    """
    Keep automation off the targets for that time, once for its id; False if it stood there.

    Raises ``BadConfiguration`` where the time makes no sense.
    """
    with engine.begin() as tx:
        _check(window.starts_at, window.ends_at, clock.read(tx))
        values = window.model_dump(mode="json", include=_GIVEN)
        moments = {"starts_at": window.starts_at, "ends_at": window.ends_at}
        made = insert(windows).values(values | moments).on_conflict_do_nothing()
        found = tx.execute(made.returning(windows.c.id)).first() is not None
        outbox.wake(tx)
    return found


def end(engine: sa.Engine, window_id: UUID, person: str) -> bool:
    """End it before its time; False where it has ended or there is none."""
    ended = sa.update(windows).where(windows.c.id == window_id, *_STANDING)
    return execute(engine, ended.values(ended_at=now(), ended_by=person)) == 1


def standing(ledger: Ledger) -> list[Declared]:
    """Return what is going on and what is to come, the next to begin first."""
    return read(ledger, Declared, sa.select(*_COLUMNS).where(*_STANDING).order_by("starts_at"))


def newest(ledger: Ledger, limit: int) -> list[Declared]:
    """Return the newest of all there were."""
    found = sa.select(*_COLUMNS).order_by(windows.c.made_at.desc()).limit(limit)
    return read(ledger, Declared, found)


_GIVEN = {"id", "targets", "reason", "person"}


def _check(starts_at: datetime, ends_at: datetime, at: datetime) -> None:
    if ends_at <= starts_at:
        raise BadConfiguration("maintenance has to end after it begins")
    if ends_at <= at:
        raise BadConfiguration(f"{ends_at:%Y-%m-%d %H:%M} UTC is over already")
    if ends_at - starts_at > timedelta(days=LONGEST_DAYS):
        raise BadConfiguration(
            f"maintenance lasts {counted(LONGEST_DAYS, 'day')} at most: declare it anew then"
        )
    if starts_at - at > timedelta(days=FURTHEST_DAYS):
        raise BadConfiguration(f"maintenance begins within {counted(FURTHEST_DAYS, 'day')}")
