"""A record as earlier runs left it, written through the ledger's own functions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate import locks, permits
from cct_ops.ledger.gate.tables import permits as permit_rows
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import decisions, resolutions, verifications
from cct_ops.models.plan import Call, Permit, PermitKind, Plan, Step
from cct_ops.models.run import Evidence, Mode, Outcome, Run, Severity
from cct_ops.models.verification import Verdict, Verification
from tests.plans import plan_of

PLAYBOOK = "auto-rollback"
TARGET = "/daily-summary"
CALL = Call(method="reset_canary", arguments={"route": TARGET})


class Conclusion:
    """A diagnosis with nothing in it but its plan."""

    def __init__(self, plan: Plan, severity: Severity = Severity.P1) -> None:
        self.plan = plan
        self.playbook, self.target = plan.playbook, plan.target
        self.headline, self.severity = "The canary is off.", severity
        self.evidence: tuple[Evidence, ...] = ()


def plan(target: str = TARGET, playbook: str = PLAYBOOK, calls: int = 1) -> Plan:
    """Return a plan of so many calls."""
    steps = [Step(call=CALL, undo=CALL)] * calls
    return plan_of(*steps, playbook=playbook, target=target)


def a_run(playbook: str = PLAYBOOK, incident_id: UUID | None = None) -> Run:
    """Return a run of its own."""
    return Run(id=uuid4(), name="a run", playbook=playbook, incident_id=incident_id)


def decided(
    engine: sa.Engine,
    run: Run,
    verdict: str = "permitted",
    wanted: Plan | None = None,
    *,
    ago: timedelta = timedelta(0),
    severity: Severity = Severity.P1,
    **more: Any,
) -> None:
    """Let it have been decided, that long ago, whether the run may carry out its plan."""
    the_plan = wanted or plan()
    words = {"mode": Mode.AUTO, "verdict": verdict, "reason": "-"} | more
    with engine.begin() as tx:
        account.record_decision(tx, Conclusion(the_plan, severity), the_plan, run=run, **words)
        tx.execute(
            sa.update(decisions)
            .where(decisions.c.run_id == run.id)
            .values(decided_at=decisions.c.decided_at - ago)
        )


def permitted(
    engine: sa.Engine, run: Run, wanted: Plan, *, ago: timedelta = timedelta(0)
) -> Permit:
    """Let a run have got its permit that long ago; it is still working on it."""
    token = locks.acquire(engine, wanted.target, run.id, 60)
    assert token is not None
    decided(engine, run, wanted=wanted, ago=ago)
    with engine.begin() as tx:
        permit = permits.issue(
            tx, PermitKind.CHANGE, wanted, wanted.calls, run=run, fencing_token=token, seconds=60
        )
        tx.execute(
            sa.update(permit_rows)
            .where(permit_rows.c.id == permit.id)
            .values(issued_at=permit_rows.c.issued_at - ago)
        )
    return permit


def attempt(
    engine: sa.Engine,
    outcome: Outcome,
    *,
    ago: timedelta = timedelta(0),
    target: str = TARGET,
    playbook: str = PLAYBOOK,
    verdict: Verdict | None = None,
) -> Run:
    """Let a run have changed the target and have ended that long ago."""
    run, wanted = a_run(playbook), plan(target, playbook)
    permit = permitted(engine, run, wanted, ago=ago)
    permits.close(engine, permit)
    locks.release(engine, target, permit.fencing_token)
    if verdict is None:
        verdict = Verdict.HOLDS if outcome is Outcome.RESOLVED else Verdict.BROKEN
    account.record_verification(engine, run.id, Verification(verdict=verdict, reason="-"))
    account.record_outcome(engine, run, target, outcome, "as it went")
    with engine.begin() as tx:
        for table, column in ((resolutions, "finished_at"), (verifications, "verified_at")):
            tx.execute(
                sa.update(table)
                .where(table.c.run_id == run.id)
                .values({column: table.c[column] - ago})
            )
    return run
