"""
What each follow-up and its issue on GitHub still owe to each other.

``issue_asked_at`` is written before the issue is asked for: whoever comes after an attempt that
left no number looks for the issue first, so that a lost answer makes no second one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.record import follow_ups as rows
from cct_ops.ledger.record.tables import follow_ups
from cct_ops.ledger.statements import execute, rows as each_row, scalars
from cct_ops.models.follow_up import FollowUp, FollowUpState

LEASE_SECONDS = 45.0
"""So long an attempt may take; after that another one may begin."""

_OPEN = follow_ups.c.state == FollowUpState.OPEN
_UNMADE = follow_ups.c.issue_number.is_(None) & (_OPEN | follow_ups.c.issue_asked_at.is_not(None))
_STALE = (follow_ups.c.issue_state == "changed") | (~_OPEN & (follow_ups.c.issue_state == "open"))


class IssueState(StrEnum):
    """The state of an issue as this side knows it; ``changed`` has words of before."""

    OPEN = "open"
    CHANGED = "changed"
    CLOSED = "closed"
    GONE = "gone"


class Owed(NamedTuple):
    """A follow-up whose issue is ours to bring up to date, and whether it was asked for before."""

    follow_up: FollowUp
    number: int | None
    asked_before: datetime | None


def owed(engine: sa.Engine) -> list[UUID]:
    """Return the follow-ups whose issue has to be made, changed or closed, the oldest first."""
    wanted = sa.select(follow_ups.c.id).where(_UNMADE | _STALE)
    return scalars(engine, wanted.order_by(follow_ups.c.made_at))


def claim(engine: sa.Engine, follow_up_id: UUID) -> Owed | None:
    """Take one for so long as an attempt may take; None if another has it, or nothing is owed."""
    free = follow_ups.c.issue_asked_at.is_(None) | (
        follow_ups.c.issue_asked_at < in_seconds(-LEASE_SECONDS)
    )
    with engine.begin() as tx:
        mine = sa.select(follow_ups.c.issue_number, follow_ups.c.issue_asked_at).where(
            follow_ups.c.id == follow_up_id, _UNMADE | _STALE, free
        )
        found = tx.execute(mine.with_for_update(skip_locked=True)).one_or_none()
        if found is None:
            return None
        _set(tx, follow_up_id, issue_asked_at=now())
        return Owed(rows.find(tx, follow_up_id), found.issue_number, found.issue_asked_at)


def record(engine: sa.Engine, follow_up_id: UUID, state: IssueState, number: int, url: str) -> None:
    """Note where the issue of a follow-up is, and that it says what the follow-up says."""
    # Whoever gave it on meanwhile wants other words there.
    meanwhile = follow_ups.c.assigned_at > follow_ups.c.issue_asked_at
    stands = sa.case((meanwhile, IssueState.CHANGED.value), else_=state.value)
    values = {"issue_number": number, "issue_url": url, "issue_state": stands}
    _set(engine, follow_up_id, **values, issue_asked_at=None)


def record_state(engine: sa.Engine, follow_up_id: UUID, state: IssueState) -> None:
    """Note in which state the issue is now."""
    _set(engine, follow_up_id, issue_state=state.value, issue_asked_at=None)


def give_up(engine: sa.Engine, follow_up_id: UUID) -> None:
    """Note that a follow-up which is over has no issue, and needs none."""
    _set(engine, follow_up_id, issue_asked_at=None)


def watched(engine: sa.Engine) -> list[tuple[UUID, int]]:
    """Return the open follow-ups that have an open issue, each with its number."""
    wanted = sa.select(follow_ups.c.id, follow_ups.c.issue_number).where(
        _OPEN, follow_ups.c.issue_state.in_([IssueState.OPEN, IssueState.CHANGED])
    )
    return [(row.id, row.issue_number) for row in each_row(engine, wanted)]


def end_as_closed(
    engine: sa.Engine, follow_up_id: UUID, state: FollowUpState, *, by: str, reason: str | None
) -> None:
    """End a follow-up whose issue was closed."""
    with engine.begin() as tx:
        rows.end(tx, follow_up_id, state, by=by, reason=reason)
        _set(tx, follow_up_id, issue_state=IssueState.CLOSED.value)


def _set(ledger: sa.Engine | sa.Connection, follow_up_id: UUID, **values: object) -> None:
    execute(ledger, sa.update(follow_ups).where(follow_ups.c.id == follow_up_id).values(**values))
