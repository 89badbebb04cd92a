"""
Which thread in Slack is whose, so that several processes write into one.

Whoever says the first word about a topic makes its thread while it holds the topic's row: a second
one waits and finds the thread made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.approval_answers import said_yes
from cct_ops.ledger.gate.approvals import Approval, ApprovalState, read_row
from cct_ops.ledger.gate.tables import answers, approvals
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.tables import SHOWN_OPEN, acknowledgements, slack_requests, slack_threads
from cct_ops.ledger.statements import execute, scalar, scalars, upsert
from cct_ops.models.topic import MessageRef, Topic

_ANSWERED = (approvals.c.state != ApprovalState.PENDING, slack_requests.c.closed_at.is_(None))


class Thread:
    """The thread of one topic, held until the block that opened it ends."""

    def __init__(
        self, tx: sa.Connection, topic_id: UUID, place: MessageRef | None, shown: Topic | None
    ):
        self._tx = tx
        self._topic_id = topic_id
        self.place = place
        self.shown = shown

    def shows(self, place: MessageRef, topic: Topic) -> None:
        """Note where the head stands, and what it says now."""
        self.place, self.shown = place, topic
        self._tx.execute(
            sa.update(slack_threads)
            .where(slack_threads.c.topic_id == self._topic_id)
            .values(channel=place.channel, ts=place.ts, topic=topic.model_dump(mode="json"))
        )


def shown(engine: sa.Engine, topic_id: UUID) -> Topic | None:
    """Return what the head of the topic's thread shows; None where Slack has none."""
    head = sa.select(slack_threads.c.topic).where(
        slack_threads.c.topic_id == topic_id, slack_threads.c.ts.is_not(None)
    )
    topic = scalar(engine, head)
    return None if topic is None else Topic.model_validate(topic)


def outdated(engine: sa.Engine) -> list[UUID]:
    """Return the topics whose heads show an open incident that is over, or had by another one."""
    newest = (
        sa.select(sa.func.max(acknowledgements.c.id))
        .where(acknowledgements.c.incident_id == slack_threads.c.topic_id)
        .scalar_subquery()
    )
    number = slack_threads.c.topic["held"]["number"].astext.cast(sa.BigInteger)
    wanted = (
        sa.select(slack_threads.c.topic_id)
        .join(incidents, incidents.c.id == slack_threads.c.topic_id)
        .where(SHOWN_OPEN, (incidents.c.state != "open") | number.is_distinct_from(newest))
    )
    return scalars(engine, wanted)


@contextmanager
def held(engine: sa.Engine, topic_id: UUID) -> Iterator[Thread]:
    """Hold the topic's thread; what was noted about it counts once the block ends without error."""
    with engine.begin() as tx:
        tx.execute(insert(slack_threads).values(topic_id=topic_id).on_conflict_do_nothing())
        row = tx.execute(
            sa.select(slack_threads).where(slack_threads.c.topic_id == topic_id).with_for_update()
        ).one()
        place = None if row.ts is None else MessageRef(channel=row.channel, ts=row.ts)
        shown = None if row.topic is None else Topic.model_validate(row.topic)
        yield Thread(tx, topic_id, place, shown)


def record_request(engine: sa.Engine, approval_id: UUID, place: MessageRef) -> None:
    """Note where a request for approval stands with its buttons."""
    values = {**place.model_dump(), "closed_at": None}
    execute(engine, upsert(slack_requests, {"approval_id": approval_id}, values))


def half_answered(engine: sa.Engine) -> list[UUID]:
    """Return the open requests of which Slack does not show yet who has said yes."""
    return _shown_where(engine, *_half_answered())


@contextmanager
def showing(
    engine: sa.Engine, approval_id: UUID
) -> Iterator[tuple[Approval, MessageRef, tuple[str, ...]] | None]:
    """
    Yield such a request with the names of who has said yes; None if another sweep has it.

    It counts as said once the block ends without an error.
    """
    with engine.begin() as tx:
        found = _taken(tx, approval_id, *_half_answered())
        if found is None:
            yield None
            return
        approval, message = found
        names = said_yes(tx, approval.id)
        yield approval, message, names
        _record(tx, approval, shown_yes=len(names))


def _taken(
    tx: sa.Connection, approval_id: UUID, *conditions: sa.ColumnElement[bool]
) -> tuple[Approval, MessageRef] | None:
    """Lock a request that fulfils the conditions, where no other sweep has it."""
    row = tx.execute(
        sa.select(approvals, slack_requests.c.channel, slack_requests.c.ts)
        .join(slack_requests, slack_requests.c.approval_id == approvals.c.id)
        .where(approvals.c.id == approval_id, *conditions)
        .with_for_update(of=slack_requests, skip_locked=True)
    ).one_or_none()
    return None if row is None else (read_row(row), MessageRef(channel=row.channel, ts=row.ts))


def _half_answered() -> tuple[sa.ColumnElement[bool], ...]:
    yes = (
        sa.select(sa.func.count())
        .where(answers.c.approval_id == approvals.c.id, answers.c.approved)
        .scalar_subquery()
    )
    return approvals.c.state == ApprovalState.PENDING, yes > slack_requests.c.shown_yes


def answered(engine: sa.Engine) -> list[UUID]:
    """Return the requests that are open no more and whose buttons still stand in Slack."""
    return _shown_where(engine, *_ANSWERED)


def _shown_where(engine: sa.Engine, *conditions: sa.ColumnElement[bool]) -> list[UUID]:
    """Return the requests in Slack that fulfil the conditions."""
    shown = slack_requests.join(approvals, slack_requests.c.approval_id == approvals.c.id)
    return scalars(engine, sa.select(approvals.c.id).select_from(shown).where(*conditions))


@contextmanager
def closing(engine: sa.Engine, approval_id: UUID) -> Iterator[tuple[Approval, MessageRef] | None]:
    """
    Yield such a request; None if another sweep has it.

    Its buttons count as taken away once the block ends without an error.
    """
    with engine.begin() as tx:
        found = _taken(tx, approval_id, *_ANSWERED)
        if found is None:
            yield None
            return
        yield found
        _record(tx, found[0], closed_at=now())


def _record(tx: sa.Connection, approval: Approval, **values: object) -> None:
    shown = sa.update(slack_requests).where(slack_requests.c.approval_id == approval.id)
    tx.execute(shown.values(**values))
