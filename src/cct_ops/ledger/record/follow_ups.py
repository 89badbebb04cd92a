"""
Follow-ups of incidents: made by people, and open until people end them.

open ──► done
     ──► dropped, with a reason
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, time
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.ledger.clock import now
from cct_ops.ledger.record.tables import follow_ups
from cct_ops.ledger.statements import Ledger, execute, rows, scalar, scalars, within
from cct_ops.models.base import first_problem
from cct_ops.models.follow_up import FollowUp, FollowUpState

_FIELDS = [follow_ups.c[name] for name in FollowUp.model_fields]
_log = logging.getLogger(__name__)
_OPEN = follow_ups.c.state == FollowUpState.OPEN
_HERE = sa.func.timezone("UTC", now())
_TODAY = sa.cast(_HERE, sa.Date)


def today(engine: sa.Engine) -> date:
    """Return the ledger's day, in UTC."""
    found = scalar(engine, sa.select(_TODAY))
    assert found is not None  # noqa: S101 -- for the type checker
    return found


def add(
    engine: sa.Engine,
    topic_id: UUID,
    text: str,
    *,
    owner: str,
    due: date,
    by: str,
    proposal: str | None = None,
) -> tuple[FollowUp, bool]:
    """Make a follow-up, and return it with True; with False one that the proposal has already."""
    offer = (
        insert(follow_ups)
        .values(topic_id=topic_id, text=text, owner=owner, due=due, made_by=by, proposal=proposal)
        .on_conflict_do_nothing(index_elements=["topic_id", "proposal"])
        .returning(*_FIELDS)
    )

    def made(tx: sa.Connection) -> tuple[FollowUp, bool]:
        row = tx.execute(offer).one_or_none()
        if row is not None:
            return _read(row), True
        same = (follow_ups.c.topic_id == topic_id, follow_ups.c.proposal == proposal)
        return _read(tx.execute(sa.select(*_FIELDS).where(*same)).one()), False

    return within(engine, made)


def find(ledger: Ledger, follow_up_id: UUID) -> FollowUp:
    """Return one; raises ``BadConfiguration`` when there is none of that id."""
    found = rows(ledger, sa.select(*_FIELDS).where(follow_ups.c.id == follow_up_id))
    if not found:
        raise BadConfiguration(f"There is no follow-up {follow_up_id}.")
    return _read(found[0])


def listed(
    engine: sa.Engine,
    *,
    only_open: bool = False,
    overdue: bool = False,
    owner: str | None = None,
    topic_id: UUID | None = None,
) -> list[FollowUp]:
    """
    Return those that fulfil every filter: the open ones first, by the day they are due.

    One that cannot be read hides no other; the log says what is wrong with it.
    """
    wanted = sa.select(*_FIELDS).order_by(~_OPEN, follow_ups.c.due, follow_ups.c.made_at)
    if only_open or overdue:
        wanted = wanted.where(_OPEN)
    if overdue:
        wanted = wanted.where(follow_ups.c.due < _TODAY)
    if owner is not None:
        wanted = wanted.where(sa.func.lower(follow_ups.c.owner) == owner.lower())
    if topic_id is not None:
        wanted = wanted.where(follow_ups.c.topic_id == topic_id)
    found = []
    for row in rows(engine, wanted):
        try:
            found.append(_read(row))
        except ContractBroken as error:
            _log.warning("%s", error)
    return found


def end(
    ledger: Ledger, follow_up_id: UUID, state: FollowUpState, *, by: str, reason: str | None = None
) -> bool:
    """Let an open one be done or dropped; False if it was ended before."""
    ended = sa.update(follow_ups).where(follow_ups.c.id == follow_up_id, _OPEN)
    values = {"state": state.value, "reason": reason, "ended_by": by, "ended_at": now()}
    return execute(ledger, ended.values(values)) == 1


def assign(
    engine: sa.Engine, follow_up_id: UUID, *, owner: str | None, due: date | None, by: str
) -> bool:
    """Give an open one another owner, another day or both; False if it was ended before."""
    given = {"owner": owner, "due": due}
    values = {name: value for name, value in given.items() if value is not None}
    stale = sa.case((follow_ups.c.issue_state == "open", "changed"), else_=follow_ups.c.issue_state)
    changed = sa.update(follow_ups).where(follow_ups.c.id == follow_up_id, _OPEN)
    return (
        execute(
            engine,
            changed.values(
                **values, assigned_by=by, assigned_at=now(), notified_on=None, issue_state=stale
            ),
        )
        == 1
    )


def to_remind(engine: sa.Engine, at: time) -> list[UUID]:
    """Return the due ones that nobody was reminded of today; none before this time of the day."""
    wanted = sa.select(follow_ups.c.id).where(
        _OPEN, follow_ups.c.due <= _TODAY, sa.cast(_HERE, sa.Time) >= at, _not_today()
    )
    return scalars(engine, wanted.order_by(follow_ups.c.due, follow_ups.c.made_at))


@contextmanager
def reminding(engine: sa.Engine, follow_up_ids: Sequence[UUID]) -> Iterator[list[FollowUp]]:
    """
    Surround the reminder of these; yields those that nobody was reminded of today.

    It counts as sent only if the block ends without an error. Of two senders one has each.
    """
    with engine.begin() as tx:
        mine = follow_ups.c.id.in_(follow_up_ids)
        wanted = sa.select(*_FIELDS).where(mine, _OPEN, _not_today())
        in_order = wanted.order_by(follow_ups.c.due, follow_ups.c.made_at)
        found = [_read(row) for row in tx.execute(in_order.with_for_update(skip_locked=True))]
        yield found
        reminded = follow_ups.c.id.in_([each.id for each in found])
        tx.execute(sa.update(follow_ups).where(reminded).values(notified_on=_TODAY))


def _not_today() -> sa.ColumnElement[bool]:
    return follow_ups.c.notified_on.is_(None) | (follow_ups.c.notified_on < _TODAY)


def _read(row: sa.Row[tuple[object, ...]]) -> FollowUp:
    try:
        return FollowUp.model_validate(row, from_attributes=True)
    except ValidationError as error:
        raise ContractBroken(
            f"The ledger's row of follow-up {row.id} cannot be read: {first_problem(error)}."
            " A person must correct the row."
        ) from None
