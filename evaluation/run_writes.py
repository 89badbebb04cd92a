"""
Everything that a run with a repair writes into the ledger, on its way from delivery to outcome.

The systems on that way, which take most of its time, are left out: what the log costs does not
depend on them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.ledger.gate import approval_answers, approvals, attempts, locks, permits
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import ApprovalRequirement
from cct_ops.ledger.intake import deliveries, outbox
from cct_ops.ledger.record import account
from cct_ops.models.alert import Alert, AlertStatus
from cct_ops.models.plan import Call, ChangeHolds, PermitKind, Plan, Step
from cct_ops.models.run import Evidence, Mode, Outcome, Run, Severity, Start, Starter
from cct_ops.models.verification import Verdict, Verification

PLAYBOOK = "auto-rollback"
_BODY = b"x" * 1500
_SECONDS = 60.0
_ANNA = Approver(id="anna", name="Anna", slack_user_id="U0ANNA")


@dataclass(frozen=True)
class _Conclusion:
    """A diagnosis as long as they are."""

    plan: Plan
    headline: str = "The canary was pulled to 0 % because its SLO was breached."
    severity: Severity = Severity.P1
    evidence: tuple[Evidence, ...] = (
        Evidence.of("GET /api/v1/canary/status", "p95 6200 ms, limit 5000", "it was too slow"),
        Evidence.of("GET /api/v1/health", "no errors in 5 min", "stable keeps serving"),
    )

    @property
    def playbook(self) -> str:
        """Whose diagnosis it is."""
        return self.plan.playbook

    @property
    def target(self) -> str:
        """What it is about."""
        return self.plan.target


def way(engine: sa.Engine) -> float:
    """Let one alert come in and be repaired after a person's yes; returns the seconds it took."""
    target = f"/{uuid4().hex}"
    alert = Alert(
        status=AlertStatus.FIRING,
        labels={"alertname": "CanaryRolledBack", "route": target},
        annotations={"summary": "pulled"},
        starts_at=datetime.now(UTC),
    )
    call = Call(method="reset_canary", arguments={"route": target})
    plan = Plan(
        playbook=PLAYBOOK,
        target=target,
        summary="Put the canary back.",
        blast_radius="The canary's traffic; stable keeps serving.",
        steady_state=ChangeHolds(what="The canary serves", watch_seconds=60),
        state={"share": 0},
        steps=(Step(call=call, undo=call),),
    )
    began = time.perf_counter()
    incident = deliveries.record(engine, "alertmanager", _BODY + uuid4().bytes, [alert])
    claim = outbox.claim(engine, outbox.REMEDIATE, _SECONDS)
    if claim is None or claim.incident_id != incident.incidents[0]:
        raise AssertionError("somebody else's alert is in this ledger")
    run = Run(id=uuid4(), name="a run", playbook=PLAYBOOK, incident_id=claim.incident_id)
    outbox.mark_sent(engine, claim, rule="r", playbook=PLAYBOOK, flow_run_id=run.id)
    with attempts.attempt(engine, run.id, _SECONDS, Start(starter=Starter.ALERT)):
        _repair(engine, run, _Conclusion(plan), call)
    return time.perf_counter() - began


def _repair(engine: sa.Engine, run: Run, conclusion: _Conclusion, call: Call) -> None:
    plan = conclusion.plan
    requirement = ApprovalRequirement(why="policy asks for a person", seconds=900)
    asked, _ = approvals.request(engine, conclusion, plan, run, requirement)
    approval_answers.answer(engine, asked.id, Answer.of(_ANNA, "link", approved=True), person=_ANNA)
    token = locks.acquire(engine, plan.target, run.id, _SECONDS)
    if token is None:
        raise AssertionError("the target's lock is not free")
    with engine.begin() as tx:
        account.record_decision(
            tx, conclusion, plan, run=run, mode=Mode.APPROVE, verdict="permitted", reason="yes"
        )
        permit = permits.issue(
            tx, PermitKind.CHANGE, plan, plan.calls, run=run, fencing_token=token, seconds=_SECONDS
        )
    with permits.Checker(engine, run.id).check(permit, call):
        permits.confirm(engine, permit, call)
    permits.close(engine, permit)
    locks.release(engine, plan.target, token)
    found = Verification(verdict=Verdict.HOLDS, reason="The canary serves.")
    account.record_verification(engine, run.id, found)
    account.record_outcome(engine, run, plan.target, Outcome.RESOLVED, "It serves again.")
