"""
What people want of the end of a temporary change: that it comes later, or now.

An extension and the end itself meet at the change's row: whoever comes second finds what the first
one left, so that exactly one of them wins.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.declared_tables import asked_ends, extensions
from cct_ops.ledger.gate.tables import approvals, temporary_changes
from cct_ops.ledger.statements import Ledger, execute, read, scalar, scalars
from cct_ops.models.base import Frozen, duration
from cct_ops.models.change import ChangeState, TemporaryChange


class Longer(Frozen):
    """
    The wish that a change lasts so many minutes from now, why, and who has it.

    ``id`` is the same for the same wish: it is granted once. ``run_id`` is the run that grants it.
    """

    id: UUID
    minutes: float
    reason: str
    person: str
    run_id: UUID | None = None


class AskedEnd(Frozen):
    """Somebody's word that a change is to end now."""

    change_id: UUID
    person: str
    at: datetime


def extend(
    tx: sa.Connection, change_id: UUID, wanted: Longer, *, longest_minutes: float
) -> TemporaryChange:
    """
    Let a change last so long from now, but not beyond ``longest_minutes`` from its beginning.

    Raises ``NotPermitted`` when it has ended, is being reverted or is to end now, would last too
    long, or lasts at least as long already.
    """
    locked = sa.select(temporary_changes.c.until).where(temporary_changes.c.id == change_id)
    before = tx.execute(locked.with_for_update()).scalar_one_or_none()
    if tx.scalar(sa.select(extensions.c.id).where(extensions.c.id == wanted.id)):
        return changes.read(tx, change_id)
    # Nobody ends it, nor asks for its end, before this transaction is over.
    check(tx, change_id, wanted.minutes, longest_minutes=longest_minutes)
    moved = (
        sa.update(temporary_changes)
        .where(temporary_changes.c.id == change_id)
        .values(until=in_seconds(wanted.minutes * 60), alarmed_at=None)
        .returning(temporary_changes.c.until)
    )
    after = tx.execute(moved).scalar_one()
    given = wanted.model_dump(include={"id", "reason", "person", "run_id"})
    row = {**given, "change_id": change_id, "was_until": before, "until": after}
    tx.execute(sa.insert(extensions).values(row))
    return changes.read(tx, change_id)


def check(ledger: Ledger, change_id: UUID, minutes: float, *, longest_minutes: float) -> None:
    """Raise ``NotPermitted`` where a change cannot be extended so now."""
    change = changes.read(ledger, change_id)
    if change.state not in {ChangeState.SCHEDULED, ChangeState.ACTIVE}:
        raise NotPermitted(f"The change cannot be extended: it is {change.state}.")
    if asked := newest_asked(ledger, [change_id]).get(change_id):
        raise NotPermitted(f"The change cannot be extended: {asked.person} wants it to end now.")
    until = in_seconds(minutes * 60)
    if not scalar(ledger, sa.select(until > change.until)):
        raise NotPermitted(
            f"It lasts until {change.until:%Y-%m-%d %H:%M:%S} UTC, which is not earlier than"
            f" {duration(minutes * 60)} from now: name more minutes, or end it."
        )
    if scalar(ledger, sa.select(until > change.created_at + timedelta(minutes=longest_minutes))):
        raise NotPermitted(
            f"Policy lets a temporary change last {duration(longest_minutes * 60)} in all, and this"
            f" one began at {change.created_at:%H:%M:%S} UTC."
        )


def record_asked(engine: sa.Engine, change_id: UUID, run_id: UUID, person: str) -> None:
    """Note that somebody wants the change to end now, and which run ends it."""
    values = {"change_id": change_id, "run_id": run_id, "person": person}
    execute(engine, sa.insert(asked_ends).values(values))


def newest_asked(ledger: Ledger, change_ids: Collection[UUID]) -> dict[UUID, AskedEnd]:
    """Return who wanted which of these changes to end now, the last one of each."""
    columns = [asked_ends.c[name] for name in AskedEnd.model_fields]
    newest = (
        sa.select(*columns)
        .where(asked_ends.c.change_id.in_(change_ids))
        .distinct(asked_ends.c.change_id)
        .order_by(asked_ends.c.change_id, asked_ends.c.id.desc())
    )
    return {each.change_id: each for each in read(ledger, AskedEnd, newest)}


def made_by_a_yes(ledger: Ledger, run_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these runs made their changes because persons approved them."""
    approved: sa.ColumnElement[str] = sa.literal_column("'approved'")
    found = sa.select(approvals.c.run_id).where(
        approvals.c.run_id.in_(run_ids), approvals.c.state == approved
    )
    return frozenset(scalars(ledger, found))


def new_wish(minutes: float, reason: str, person: str, run_id: UUID | None = None) -> Longer:
    """Return a wish; that of a run is the same however often the run begins anew."""
    made = uuid4() if run_id is None else run_id
    return Longer(id=made, minutes=minutes, reason=reason, person=person, run_id=run_id)
