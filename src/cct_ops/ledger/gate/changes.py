"""
Temporary changes: the rows that say what must be taken back, and when.

A row is the truth and a Prefect run only brings its end: the run reads the row again, so a
scheduled revert too many does nothing, and one that was lost is noticed by the controller's sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError

from cct_ops.errors import ContractBroken, NotPermitted
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate.tables import actions, approvals, permits, temporary_changes
from cct_ops.ledger.statements import Ledger, execute, rows, scalar, scalars
from cct_ops.models.base import first_problem
from cct_ops.models.change import OPEN, ChangeState, TemporaryChange
from cct_ops.models.plan import Call, Permit, Step

_OPEN = temporary_changes.c.state.in_(OPEN)
_IN_FORCE = temporary_changes.c.state.in_([ChangeState.SCHEDULED, ChangeState.ACTIVE])

_log = logging.getLogger(__name__)


def schedule(
    tx: sa.Connection, permit: Permit, step: Step, *, before: str, owner: str, reason: str
) -> TemporaryChange:
    """Write down a change that is about to be made for ``step.lasts_minutes``."""
    if step.undo is None or step.lasts_minutes is None:
        raise NotPermitted(f"{step.call} cannot be temporary: nothing says how and when it ends.")
    playbook = sa.select(permits.c.playbook).where(permits.c.id == permit.id)
    row = tx.execute(
        sa.insert(temporary_changes)
        .values(
            run_id=permit.run_id,
            permit_id=permit.id,
            playbook=playbook.scalar_subquery(),
            target=permit.target,
            call=step.call.model_dump(mode="json"),
            revert=step.undo.model_dump(mode="json"),
            before=before,
            owner=owner,
            reason=reason,
            until=in_seconds(step.lasts_minutes * 60),
        )
        .returning(temporary_changes)
    ).one()
    return _read(row)


def approver(engine: sa.Engine, run_id: UUID) -> str | None:
    """Return who approved what the run does, if anybody did."""
    approved = (approvals.c.run_id == run_id, approvals.c.state == "approved")
    return scalar(engine, sa.select(approvals.c.approver).where(*approved).limit(1))


def activate(engine: sa.Engine, permit: Permit, call: Call) -> None:
    """Note that a read-back showed the change, if ``call`` is a temporary one."""
    scheduled = sa.update(temporary_changes).where(
        temporary_changes.c.permit_id == permit.id,
        temporary_changes.c.call == call.model_dump(mode="json"),
        temporary_changes.c.state == ChangeState.SCHEDULED,
    )
    execute(engine, scheduled.values(state=ChangeState.ACTIVE), repeatable=True)


def mark_undone(engine: sa.Engine, run_id: UUID, revert: Call) -> None:
    """Note that the run's own change was taken back before its time."""
    reverted = temporary_changes.c.revert == revert.model_dump(mode="json")
    note = "Undone with the run that made it."
    _end(engine, ChangeState.REVERTED, note, temporary_changes.c.run_id == run_id, reverted)


def drop_unmade(engine: sa.Engine, run_id: UUID) -> None:
    """End the rows of changes that the run never made: no call of theirs was journalled."""
    journalled = (
        sa.exists()
        .where(
            actions.c.permit_id == temporary_changes.c.permit_id,
            actions.c.call == temporary_changes.c.call,
        )
        .correlate(temporary_changes)
    )
    _end(
        engine,
        ChangeState.NOT_MADE,
        "The run ended before it made the change.",
        temporary_changes.c.run_id == run_id,
        temporary_changes.c.state == ChangeState.SCHEDULED,
        ~journalled,
    )


def keep(engine: sa.Engine, run_id: UUID, seconds: float) -> None:
    """Let the run's temporary changes last ``seconds`` from now, those that have not ended."""
    lasting = sa.update(temporary_changes).where(temporary_changes.c.run_id == run_id, _IN_FORCE)
    execute(engine, lasting.values(until=in_seconds(seconds), alarmed_at=None), repeatable=True)


def read(ledger: Ledger, change_id: UUID) -> TemporaryChange:
    """Return a change; raises ``NotPermitted`` when there is none of that id."""
    found = rows(ledger, sa.select(temporary_changes).where(temporary_changes.c.id == change_id))
    if not found:
        raise NotPermitted(f"The ledger has no temporary change {change_id}.")
    return _read(found[0])


def maker(engine: sa.Engine, change_id: UUID) -> UUID | None:
    """Return the run that made a change, if the ledger has it."""
    made_by = sa.select(temporary_changes.c.run_id).where(temporary_changes.c.id == change_id)
    return scalar(engine, made_by)


def listed(ledger: Ledger, *, ended: bool = False) -> list[TemporaryChange]:
    """Return the open changes by the time of their end, or all there ever were."""
    found = sa.select(temporary_changes).order_by(temporary_changes.c.until)
    return _readable(rows(ledger, found if ended else found.where(_OPEN)))


def open_of(ledger: Ledger, run_id: UUID) -> list[TemporaryChange]:
    """Return the run's changes that are open, by the time of their end."""
    of_run = sa.select(temporary_changes).where(temporary_changes.c.run_id == run_id, _OPEN)
    return _readable(rows(ledger, of_run.order_by(temporary_changes.c.until)))


def page(
    ledger: Ledger, limit: int, *, after: tuple[datetime, UUID] | None = None
) -> list[TemporaryChange]:
    """Return all there ever were behind a moment and, of the same moment, an id; newest first."""
    keys = (temporary_changes.c.created_at, temporary_changes.c.id)
    asked = sa.select(temporary_changes).order_by(*(key.desc() for key in keys)).limit(limit)
    if after is not None:
        asked = asked.where(sa.tuple_(*keys) < sa.tuple_(*map(sa.literal, after)))
    return _readable(rows(ledger, asked))


def record_scheduled_revert(engine: sa.Engine, change: TemporaryChange, run_id: UUID) -> None:
    """Note which run is the change's scheduled revert."""
    same = temporary_changes.c.scheduled_revert_id.is_not_distinct_from(run_id)
    reverts = sa.case((same, change.scheduled_reverts), else_=change.scheduled_reverts + 1)
    noted = sa.update(temporary_changes).where(temporary_changes.c.id == change.id)
    execute(engine, noted.values(scheduled_revert_id=run_id, scheduled_reverts=reverts))


def claim_revert(engine: sa.Engine, change_id: UUID, *, early: bool) -> bool:
    """Begin to revert; False if it is not due (unless ``early``) or has ended."""
    due = sa.true() if early else temporary_changes.c.until <= now()
    begun = sa.update(temporary_changes).where(temporary_changes.c.id == change_id, _OPEN, due)
    until = sa.func.least(temporary_changes.c.until, now())  # the sweep must find it
    return execute(engine, begun.values(state=ChangeState.REVERTING, until=until)) == 1


def finish(engine: sa.Engine, change_id: UUID, state: ChangeState, note: str) -> None:
    """Note how the change ended."""
    _end(engine, state, note, temporary_changes.c.id == change_id)


def _end(engine: sa.Engine, state: ChangeState, note: str, *which: sa.ColumnElement[bool]) -> None:
    """End such changes, those that have not ended."""
    ended = sa.update(temporary_changes).where(*which, _OPEN)
    execute(engine, ended.values(state=state, note=note, ended_at=now()), repeatable=True)


def overdue(engine: sa.Engine, seconds: float) -> list[UUID]:
    """Return the changes that should have been reverted at least ``seconds`` ago."""
    over = temporary_changes.c.until <= in_seconds(-seconds)
    wanted = sa.select(temporary_changes.c.id).where(_OPEN, over)
    return scalars(engine, wanted.order_by(temporary_changes.c.until))


def seconds_left(engine: sa.Engine, change_id: UUID) -> float:
    """Return how long a change still lasts by the ledger's clock; less than 0 once it is over."""
    left = sa.extract("epoch", temporary_changes.c.until - now())
    ((found,),) = rows(engine, sa.select(left).where(temporary_changes.c.id == change_id))
    return float(found)


@contextmanager
def alarming(engine: sa.Engine, change_id: UUID) -> Iterator[bool]:
    """
    Surround the notice that the change is overdue; False if people had it already.

    It counts as sent only if the block ends without an error.
    """
    with engine.begin() as tx:
        silent = (temporary_changes.c.id == change_id, temporary_changes.c.alarmed_at.is_(None))
        alarmed = sa.update(temporary_changes).where(*silent).values(alarmed_at=now())
        yield execute(tx, alarmed) == 1


def _read(row: sa.Row[tuple[object, ...]]) -> TemporaryChange:
    try:
        return TemporaryChange.model_validate(row, from_attributes=True)
    except ValidationError as error:
        raise ContractBroken(
            f"The ledger's row of temporary change {row.id} cannot be read: {first_problem(error)}."
            " A person must take the change back and correct the row."
        ) from None


def _readable(rows: Sequence[sa.Row[tuple[object, ...]]]) -> list[TemporaryChange]:
    """Read those that can be read; one that cannot holds up no other, and its sweep reports it."""
    found = []
    for row in rows:
        try:
            found.append(_read(row))
        except ContractBroken as error:
            _log.warning("%s", error)
    return found
