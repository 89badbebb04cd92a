"""
Requests for a person's yes, each bound to one run and one plan digest, answered once.

pending ──► approved | declined   the run read an answer
        ──► expired               nobody answered in time (the dispatcher's sweep)
        ──► void                  the target changed, or the run ended without needing it
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.schema import approvals
from cct_ops.ledger.sql import in_seconds, now
from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOID = "void"


class Approval(Frozen):
    """One request for approval, as the ledger has it."""

    id: UUID
    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    plan_digest: str
    state: ApprovalState
    requested_at: datetime
    expires_at: datetime
    approver: str | None
    authenticated: bool
    note: str | None


def request(engine: sa.Engine, plan: Plan, run: Run, *, seconds: float) -> tuple[Approval, bool]:
    """
    Return the run's request for this plan and whether it is new.

    A pending request of the same run for another plan becomes void: the target changed since it
    was shown.
    """
    with engine.begin() as tx:
        tx.execute(
            sa.update(approvals)
            .where(
                approvals.c.run_id == run.id,
                approvals.c.plan_digest != plan.digest,
                approvals.c.state == ApprovalState.PENDING,
            )
            .values(
                state=ApprovalState.VOID,
                note="The target changed after this plan was shown.",
                decided_at=now(),
                settled_at=now(),
            )
        )
        made = tx.execute(
            insert(approvals)
            .values(
                run_id=run.id,
                incident_id=run.incident_id,
                playbook=plan.playbook,
                target=plan.target,
                plan=plan.model_dump(mode="json"),
                plan_digest=plan.digest,
                expires_at=in_seconds(seconds),
            )
            .on_conflict_do_nothing()
            .returning(approvals)
        ).one_or_none()
        if made is not None:
            return _read(made), True
        found = tx.execute(
            sa.select(approvals).where(
                approvals.c.run_id == run.id, approvals.c.plan_digest == plan.digest
            )
        ).one()
        return _read(found), False


def refused(engine: sa.Engine, run_id: UUID) -> Approval | None:
    """Return the run's declined or expired request: after one of those it may not ask again."""
    with engine.connect() as connection:
        row = connection.execute(
            sa.select(approvals)
            .where(
                approvals.c.run_id == run_id,
                approvals.c.state.in_([ApprovalState.DECLINED, ApprovalState.EXPIRED]),
            )
            .limit(1)
        ).one_or_none()
    return None if row is None else _read(row)


def answer(
    engine: sa.Engine,
    approval_id: UUID,
    *,
    approved: bool,
    approver: str,
    note: str,
    grace_seconds: float,
) -> Approval:
    """
    Record a person's answer, once; return the request as it then stands.

    An answer that comes later than ``grace_seconds`` after the expiry counts for nothing: the
    request expires instead. ``authenticated`` stays false: a form in Prefect proves no identity.
    """
    in_time = (
        approvals.c.expires_at + sa.func.make_interval(0, 0, 0, 0, 0, 0, grace_seconds) > now()
    )
    given = ApprovalState.APPROVED if approved else ApprovalState.DECLINED
    with engine.begin() as tx:
        tx.execute(
            sa.update(approvals)
            .where(approvals.c.id == approval_id, approvals.c.state == ApprovalState.PENDING)
            .values(
                state=sa.case((in_time, given.value), else_=ApprovalState.EXPIRED.value),
                approver=approver,
                note=note,
                decided_at=now(),
                settled_at=now(),
            )
        )
        row = tx.execute(sa.select(approvals).where(approvals.c.id == approval_id)).one()
    return _read(row)


def void(engine: sa.Engine, run_id: UUID, reason: str) -> None:
    """End whatever the run still asks for, because it no longer needs it."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(approvals)
            .where(approvals.c.run_id == run_id, approvals.c.state == ApprovalState.PENDING)
            .values(state=ApprovalState.VOID, note=reason, decided_at=now(), settled_at=now())
        )


def overdue(engine: sa.Engine) -> list[Approval]:
    """Return the requests that nobody answered in time and whose runs have not been ended yet."""
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(approvals)
            .where(
                approvals.c.state.in_([ApprovalState.PENDING, ApprovalState.EXPIRED]),
                approvals.c.settled_at.is_(None),
                approvals.c.expires_at <= now(),
            )
            .order_by(approvals.c.expires_at)
        ).all()
    return [_read(row) for row in rows]


def expire(engine: sa.Engine, approval_id: UUID) -> bool:
    """Mark a pending request as expired; False if it was answered meanwhile."""
    with engine.begin() as tx:
        done = tx.execute(
            sa.update(approvals)
            .where(
                approvals.c.id == approval_id,
                approvals.c.state.in_([ApprovalState.PENDING, ApprovalState.EXPIRED]),
            )
            .values(
                state=ApprovalState.EXPIRED,
                note="Nobody answered in time.",
                decided_at=sa.func.coalesce(approvals.c.decided_at, now()),
            )
        )
    return done.rowcount == 1


def settle(engine: sa.Engine, approval_id: UUID) -> None:
    """Note that the run behind an expired request has been ended, or has ended by itself."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(approvals).where(approvals.c.id == approval_id).values(settled_at=now())
        )


def _read(row: sa.Row[tuple[object, ...]]) -> Approval:
    return Approval.model_validate({name: getattr(row, name) for name in Approval.model_fields})
