"""Requests that nobody answered, each passed on once to the next contact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.approvals import Approval, ApprovalState, read_row
from cct_ops.ledger.gate.tables import approvals

_UNNOTIFIED = (approvals.c.state == ApprovalState.EXPIRED, approvals.c.escalated_at.is_(None))


def unnotified(engine: sa.Engine) -> list[UUID]:
    """Return the expired requests that were not passed on yet, the oldest first."""
    wanted = sa.select(approvals.c.id).where(*_UNNOTIFIED).order_by(approvals.c.expires_at)
    with engine.connect() as connection:
        return list(connection.execute(wanted).scalars())


@contextmanager
def unanswered(engine: sa.Engine, approval_id: UUID) -> Iterator[tuple[Approval, int] | None]:
    """
    Yield an expired request to be passed on, with how many in a row found nobody.

    It counts as done once the block ends without an exception. None if another controller has it.
    """
    with engine.begin() as tx:
        row = tx.execute(
            sa.select(approvals)
            .where(approvals.c.id == approval_id, *_UNNOTIFIED)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            yield None
            return
        approval = read_row(row)
        yield approval, _in_a_row(tx, approval)
        tx.execute(
            sa.update(approvals).where(approvals.c.id == approval.id).values(escalated_at=now())
        )


def _in_a_row(tx: sa.Connection, approval: Approval) -> int:
    """Count the expired requests since somebody last answered one for this playbook and target."""
    same = (
        approvals.c.playbook == approval.playbook,
        approvals.c.target == approval.target,
        approvals.c.requested_at <= approval.requested_at,
    )
    answered = (
        sa.select(sa.func.max(approvals.c.requested_at))
        .where(*same, approvals.c.state.in_([ApprovalState.APPROVED, ApprovalState.DECLINED]))
        .scalar_subquery()
    )
    return tx.execute(
        sa.select(sa.func.count()).where(
            *same,
            approvals.c.state == ApprovalState.EXPIRED,
            answered.is_(None) | (approvals.c.requested_at > answered),
        )
    ).scalar_one()
