"""
Permits: rows that say which run may make which calls on which target, and until when.

``Checker`` is what the operator asks before every write. It believes the row and nothing else, and
journals the call as intended in the same transaction, so that each step of a permit is carried out
once at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate import leases, takeovers
from cct_ops.ledger.gate.tables import actions, permits, target_locks
from cct_ops.ledger.statements import Ledger, execute, rows, scalar, scalars, within
from cct_ops.models.plan import Call, Permit, PermitKind, Plan
from cct_ops.models.run import Run

# What an action is in the journal that was sent and did nothing: it was refused, or taken in vain.
NOT_DONE = "not done"
WITHOUT_EFFECT = "without effect"
CONFIRMED = "confirmed"


def issue(
    tx: sa.Connection,
    kind: PermitKind,
    plan: Plan,
    calls: Sequence[Call],
    *,
    run: Run,
    fencing_token: int,
    seconds: float,
) -> Permit:
    """
    Write a permit row for these calls, valid for ``seconds`` and for this run alone.

    Raises ``NotPermitted`` for a run that was taken for dead.
    """
    leases.touch(tx, run.id, 0)
    row = tx.execute(
        sa.insert(permits)
        .values(
            kind=kind.value,
            run_id=run.id,
            incident_id=run.incident_id,
            playbook=plan.playbook,
            target=plan.target,
            plan_digest=plan.digest,
            calls=[call.model_dump(mode="json") for call in calls],
            fencing_token=fencing_token,
            expires_at=in_seconds(seconds),
        )
        .returning(permits)
    ).one()
    return _read(row)


def close(ledger: Ledger, permit: Permit) -> None:
    """End a permit: nothing more is done on it."""
    closed = sa.update(permits).where(permits.c.id == permit.id).values(closed_at=now())
    execute(ledger, closed, repeatable=True)


def confirm(engine: sa.Engine, permit: Permit, call: Call) -> None:
    """
    Journal that a read-back showed the effect of ``call``.

    Raises ``NotPermitted`` for a run that was taken for dead: whether its recovery saw the effect
    as well is for that one to say.
    """
    shown = sa.update(actions).where(*_of(permit, call))

    def journal(tx: sa.Connection) -> None:
        leases.touch(tx, permit.run_id, 0)
        tx.execute(shown.values(state=CONFIRMED, confirmed_at=now()))

    within(engine, journal, repeatable=True)


def is_journalled(engine: sa.Engine, permit: Permit, call: Call) -> bool:
    """Say whether ``call`` was about to leave, and may have."""
    return scalar(engine, sa.select(actions.c.id).where(*_of(permit, call)).limit(1)) is not None


def settle(engine: sa.Engine, permit: Permit, call: Call, state: str) -> None:
    """Journal that ``call`` did nothing: ``NOT_DONE`` or ``WITHOUT_EFFECT``."""
    sent = sa.update(actions).where(*_of(permit, call), actions.c.state == "intended")
    execute(engine, sent.values(state=state), repeatable=True)


def steps_begun(engine: sa.Engine, permit: Permit) -> tuple[tuple[int, str], ...]:
    """Return the steps of the permit that were journalled, each with what is known of it."""
    journalled = sa.select(actions.c.position, actions.c.state).where(
        actions.c.permit_id == permit.id
    )
    return tuple(map(tuple, rows(engine, journalled.order_by(actions.c.position))))


def in_doubt(engine: sa.Engine, permit: Permit) -> tuple[Call, ...]:
    """Return the calls of the permit whose effect no look has shown."""
    intended = sa.select(actions.c.call).where(
        actions.c.permit_id == permit.id, actions.c.state == "intended"
    )
    return tuple(map(Call.model_validate, scalars(engine, intended.order_by(actions.c.id))))


def _of(permit: Permit, call: Call) -> tuple[sa.ColumnElement[bool], ...]:
    """Choose the permit's rows of this call in the journal."""
    return actions.c.permit_id == permit.id, actions.c.call == call.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks permits for one run against the ledger at ``engine``."""

    engine: sa.Engine
    run_id: UUID

    @contextmanager
    def check(self, permit: Permit, call: Call) -> Iterator[None]:
        """
        Let one write through, or raise ``NotPermitted`` before anything was sent.

        The intent is committed before the write leaves: after a crash the journal may show a call
        that had no effect, but never lacks one that had.
        """
        before: int | None = None  # the step that an attempt was about to write down

        def journal(tx: sa.Connection) -> None:
            nonlocal before
            before = self._position(tx, permit, call, before)
            step = {"permit_id": permit.id, "position": before, "state": "intended"}
            intent = insert(actions).values(call=call.model_dump(mode="json"), **step)
            tx.execute(intent.on_conflict_do_nothing())

        within(self.engine, journal, repeatable=True)
        yield

    def _position(
        self, tx: sa.Connection, permit: Permit, call: Call, before: int | None = None
    ) -> int:
        """
        Return which step of the permit ``call`` is; raise unless it is the next one.

        A ledger that went away in the commit may have the step ``before``, of which it did not live
        to speak: nothing was sent for it yet, and nobody else has this permit.
        """
        row = tx.execute(
            sa.select(
                permits,
                (permits.c.expires_at > now()).label("live"),
                (target_locks.c.fencing_token == permits.c.fencing_token).label("fenced"),
                (target_locks.c.expires_at > now()).label("locked"),
                takeovers.forbids(permits.c.run_id, permits.c.kind).label("taken"),
            )
            .outerjoin(target_locks, target_locks.c.target == permits.c.target)
            .where(permits.c.id == permit.id)
            .with_for_update(of=permits)
        ).one_or_none()

        if row is None:
            raise NotPermitted(f"{call} was not sent: the ledger has no such permit.")
        if _read(row) != permit:
            raise NotPermitted(f"{call} was not sent: the permit differs from the ledger's.")
        if permit.run_id != self.run_id:
            raise NotPermitted(f"{call} was not sent: the permit belongs to another run.")
        if row.closed_at is not None:
            raise NotPermitted(f"{call} was not sent: the permit is closed.")
        if row.taken:
            raise NotPermitted(f"{call} was not sent: a person has taken this run over.")
        if not row.live:
            raise NotPermitted(f"{call} was not sent: the permit expired at {row.expires_at}.")
        if not (row.fenced and row.locked):
            raise NotPermitted(
                f"{call} was not sent: this run no longer holds the lock of {permit.target}."
            )

        return _next_step(tx, permit, call, before)


def _next_step(tx: sa.Connection, permit: Permit, call: Call, before: int | None) -> int:
    journalled = sa.select(sa.func.count()).where(actions.c.permit_id == permit.id)
    done = tx.execute(journalled).scalar_one()
    if before is not None and done == before + 1:
        return before
    if done < len(permit.calls) and permit.calls[done] == call:
        return done
    if call in permit.calls[:done]:
        raise NotPermitted(f"{call} was not sent: this permit has carried it out already.")
    raise NotPermitted(f"{call} was not sent: it is not the next step of the permitted plan.")


def _read(row: sa.Row[tuple[object, ...]]) -> Permit:
    return Permit.model_validate(row, from_attributes=True)
