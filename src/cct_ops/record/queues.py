"""What waits inside of us: how much of each, and since when the oldest does."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.intake.outbox import NOTICE, REMEDIATE
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.people.tables import pages, status_posts
from cct_ops.ledger.record.log_tables import log_checkpoints, log_queue
from cct_ops.ledger.statements import Ledger, find, rows, scalar
from cct_ops.models.base import Frozen

_VERSION = sa.table("alembic_version")


class Queue(Frozen):
    """One queue; ``oldest_at`` is None while it is empty."""

    name: str
    waiting: int
    oldest_at: datetime | None


class Checkpointed(Frozen):
    """The newest checkpoint of the transparency log: of how many leaves, and when."""

    size: int
    at: datetime


def read(ledger: Ledger) -> list[Queue]:
    """Return every queue; what waits is found by an index of its own."""
    pending = dispatches.c.state == sa.literal_column("'pending'")
    overdue = temporary_changes.c.state.in_(["scheduled", "active", "reverting"])
    asked = (
        _of(
            "playbooks to start",
            dispatches.c.created_at,
            pending,
            dispatches.c.purpose == REMEDIATE,
        ),
        _of("notices to people", dispatches.c.created_at, pending, dispatches.c.purpose == NOTICE),
        _of("pages", pages.c.raised_at, pages.c.ended_at.is_(None)),
        _of(
            "posts to the status page", status_posts.c.raised_at, status_posts.c.posted_at.is_(None)
        ),
        _of(
            "temporary changes to take back",
            temporary_changes.c.until,
            overdue,
            temporary_changes.c.until < sa.func.clock_timestamp(),
        ),
        _of("entries on their way into the log", log_queue.c.at),
    )
    return [
        Queue(name=row.name, waiting=row.waiting, oldest_at=row.oldest_at)
        for row in rows(ledger, sa.union_all(*asked))
    ]


def last_checkpoint(ledger: Ledger) -> Checkpointed | None:
    """Return the newest checkpoint; None where none was ever signed."""
    newest = sa.select(log_checkpoints.c.size, log_checkpoints.c.at)
    return find(ledger, Checkpointed, newest.order_by(log_checkpoints.c.size.desc()).limit(1))


def revision(ledger: Ledger) -> str | None:
    """Return the schema that the ledger is at; to ask Alembic would load all of it."""
    return scalar(ledger, sa.select(sa.column("version_num", sa.Text)).select_from(_VERSION))


def _of(
    name: str, since: sa.ColumnElement[datetime], *which: sa.ColumnElement[bool]
) -> sa.Select[tuple[str, int, datetime]]:
    return sa.select(
        sa.literal(name).label("name"),
        sa.func.count().label("waiting"),
        sa.func.min(since).label("oldest_at"),
    ).where(*which)
