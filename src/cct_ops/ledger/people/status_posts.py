"""
What a status page shows of an incident, one row for each turn: open, over, open again.

The key of a row is sent with it, so a page that was posted to twice, because the answer was lost or
this process died, can see that it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.p0_incidents import is_severe
from cct_ops.ledger.people.tables import status_posts
from cct_ops.ledger.statements import execute, find
from cct_ops.models.base import Frozen


class StatusPost(Frozen):
    """One post, with the incident that it is about."""

    incident_id: UUID
    number: int
    state: str
    attempts: int
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    closed_at: datetime | None
    raised_at: datetime

    @property
    def key(self) -> str:
        """The same whenever this is posted again."""
        return f"{self.incident_id}/{self.number}"


@dataclass(frozen=True)
class ClaimedPost:
    """A post that is ours as long as the transaction lasts."""

    tx: sa.Connection
    post: StatusPost

    def posted(self) -> None:
        """Note that the page took it."""
        self._set(posted_at=now(), note=None)

    def postponed(self, seconds: float, note: str) -> None:
        """Note why it did not, and when to try again."""
        self._set(next_attempt_at=in_seconds(seconds), note=note)

    def _set(self, **values: object) -> None:
        self.tx.execute(
            sa.update(status_posts)
            .where(
                status_posts.c.incident_id == self.post.incident_id,
                status_posts.c.number == self.post.number,
            )
            .values(attempts=self.post.attempts + 1, **values)
        )


def enqueue(engine: sa.Engine, labels: Sequence[str]) -> None:
    """Write down what is to be posted of incidents that opened, ended or opened again."""
    known = status_posts.alias()
    last = (
        sa.select(known.c.number, known.c.state)
        .where(known.c.incident_id == incidents.c.id)
        .order_by(known.c.number.desc())
        .limit(1)
        .lateral("last")
    )
    # What was posted decides, and not the severity, about what must be taken back.
    begins = last.c.number.is_(None) & is_severe(labels)
    opened = (incidents.c.state == "open") & (begins | (last.c.state == "resolved"))
    ended = (incidents.c.state == "closed") & (last.c.state == "investigating")
    news = (
        sa.select(
            incidents.c.id,
            sa.func.coalesce(last.c.number, 0) + 1,
            sa.case((incidents.c.state == "open", "investigating"), else_="resolved"),
        )
        .select_from(incidents.outerjoin(last, sa.true()))
        .where(opened | ended)
    )
    offer = insert(status_posts).from_select(["incident_id", "number", "state"], news)
    execute(engine, offer.on_conflict_do_nothing())


def due(engine: sa.Engine) -> list[tuple[UUID, int]]:
    """Return what is to be posted next, by incident and number; of one incident always in order."""
    wanted = sa.select(status_posts.c.incident_id, status_posts.c.number).where(*_due())
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(status_posts.c.raised_at))
        return list(rows.tuples().all())


@contextmanager
def claimed(engine: sa.Engine, incident_id: UUID, number: int) -> Iterator[ClaimedPost | None]:
    """Yield what is due, to be posted; None if it is not any more, or another has it."""
    names = [name for name in StatusPost.model_fields if name not in status_posts.c]
    with engine.begin() as tx:
        wanted = (
            sa.select(status_posts, *(incidents.c[name] for name in names))
            .join(incidents, incidents.c.id == status_posts.c.incident_id)
            .where(
                status_posts.c.incident_id == incident_id, status_posts.c.number == number, *_due()
            )
        )
        post = find(tx, StatusPost, wanted.with_for_update(skip_locked=True, of=status_posts))
        yield None if post is None else ClaimedPost(tx, post)


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    earlier = status_posts.alias()
    waits = sa.exists().where(
        earlier.c.incident_id == status_posts.c.incident_id,
        earlier.c.number < status_posts.c.number,
        earlier.c.posted_at.is_(None),
    )
    return status_posts.c.posted_at.is_(None), status_posts.c.next_attempt_at <= now(), ~waits
