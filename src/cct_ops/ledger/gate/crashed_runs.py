"""The progress of a dead run, from what it wrote down before each step."""

from __future__ import annotations

import math
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate import leases, takeovers
from cct_ops.ledger.gate.tables import actions, permits
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import decisions, verifications
from cct_ops.ledger.statements import execute, scalar
from cct_ops.models.crashed_run import BegunStep, CrashedRun
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import PermitKind, Plan
from cct_ops.models.run import Mode, Outcome, Run
from cct_ops.models.verification import Verdict, Verification


def of_run(engine: sa.Engine, run_id: UUID, name: str) -> CrashedRun:
    """
    Take the run for dead, which locks its process out, and return what it left behind.

    Raises ``NotPermitted`` for a run that shows signs of life, and for one that changed nothing.
    """
    if not leases.reap(engine, run_id):
        raise NotPermitted(f"Run {run_id} still shows signs of life, so nothing was put back.")
    with engine.connect() as connection:
        begun = connection.execute(
            sa.select(actions, permits.c.playbook, permits.c.incident_id, permits.c.plan_digest)
            .join(permits, permits.c.id == actions.c.permit_id)
            .where(permits.c.run_id == run_id, permits.c.kind == PermitKind.CHANGE)
            .order_by(actions.c.id)
        ).all()
        if not begun:
            raise NotPermitted(
                f"Run {run_id} had changed nothing, so there is nothing to put back."
            )
        decided = connection.execute(
            sa.select(decisions.c.plan, decisions.c.mode)
            .where(decisions.c.run_id == run_id, decisions.c.plan_digest == begun[0].plan_digest)
            .order_by(decisions.c.id)
            .limit(1)
        ).one()
        verified = connection.execute(
            sa.select(verifications.c.verdict, verifications.c.reason)
            .where(verifications.c.run_id == run_id)
            .order_by(verifications.c.id.desc())
            .limit(1)
        ).one_or_none()
    plan = Plan.model_validate(decided.plan)
    first = begun[0]
    return CrashedRun(
        run=Run(id=run_id, name=name, playbook=first.playbook, incident_id=first.incident_id),
        mode=Mode(decided.mode),
        plan=plan,
        begun=tuple(
            BegunStep(
                step=plan.steps[row.position],
                permit_id=row.permit_id,
                confirmed=row.state == "confirmed",
            )
            for row in begun
        ),
        verified=Verdict(verified.verdict) if verified else None,
        ended=account.of_run(engine, run_id).in_doubt,
        taken=takeovers.of_run(engine, run_id),
        reason=verified.reason if verified else None,
    )


def seconds_since_intent(engine: sa.Engine, permit_id: UUID) -> float:
    """
    Return how long ago the last call of the permit was journalled, by the ledger's clock.

    For ever ago where none was: then there is no effect to wait for.
    """
    age = sa.extract("epoch", now() - sa.func.max(actions.c.intended_at))
    seconds = scalar(engine, sa.select(age).where(actions.c.permit_id == permit_id))
    return math.inf if seconds is None else float(seconds)


def confirm(engine: sa.Engine, begun: BegunStep) -> None:
    """Journal that a look after the crash showed the effect of a call that was in doubt."""
    doubtful = sa.update(actions).where(
        actions.c.permit_id == begun.permit_id,
        actions.c.call == begun.step.call.model_dump(mode="json"),
        actions.c.state != "confirmed",
    )
    execute(engine, doubtful.values(state="confirmed", confirmed_at=now()))


def account_for(
    engine: sa.Engine, crashed: CrashedRun, diagnosis: Diagnosis, outcome: Outcome
) -> None:
    """Give the account that the dead run could not give; it is not recovered again after that."""
    headline = diagnosis.headline
    if crashed.ended and outcome is Outcome.RESOLVED:
        account.record_verification(
            engine, crashed.run.id, Verification(verdict=Verdict.HOLDS, reason=headline)
        )
    account.record_decision(
        engine,
        diagnosis,
        crashed.plan,
        run=crashed.run,
        mode=crashed.mode,
        verdict=outcome.value if outcome is Outcome.UNDONE else "recovered",
        reason=headline,
    )
    account.record_outcome(engine, crashed.run, crashed.plan.target, outcome, headline)
