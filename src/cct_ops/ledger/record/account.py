"""The decisions, verifications and outcomes of runs: written as they happen, read by reports."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import actions, permits, run_reads
from cct_ops.ledger.intake.tables import alerts as alert_rows, dispatches, incidents
from cct_ops.ledger.people import owed_ends
from cct_ops.ledger.record.tables import decisions, resolutions, verifications
from cct_ops.ledger.schema import versions
from cct_ops.ledger.statements import Ledger, execute, read, scalar, within
from cct_ops.models.base import Frozen
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import Evidence, Mode, Outcome, Run, Severity
from cct_ops.models.verification import Verdict, Verification
from cct_ops.models.versions import FileVersion

UNDO_FAILED = "undo failed"
"""The verdict of a decision that says what could not be put back."""

# How a run ends whose change did not come to its end, by the verdict on what is left of it.
_LEFT = {
    UNDO_FAILED: Outcome.FAILED,
    Outcome.UNDONE.value: Outcome.UNDONE,
    Outcome.UNVERIFIED.value: Outcome.UNVERIFIED,
    Outcome.FAILED.value: Outcome.FAILED,
    Outcome.CANCELLED.value: Outcome.CANCELLED,
}


class DecisionRecord(Frozen):
    """A decision of the gate about a plan, and its reason."""

    mode: Mode
    verdict: str
    guard: str | None = None
    reason: str
    headline: str
    severity: Severity
    evidence: tuple[Evidence, ...]
    plan: Plan
    decided_at: datetime


class ActionRecord(Frozen):
    """One call that was made or may have been made."""

    kind: str
    call: Call
    state: str
    intended_at: datetime
    confirmed_at: datetime | None


class VerificationRecord(Frozen):
    """One verification at the end of a watch."""

    verdict: Verdict
    reason: str
    samples: int
    verified_at: datetime


class RunRecord(Frozen):
    """All that the ledger knows about one run, oldest first."""

    received_at: datetime | None
    dispatched_at: datetime | None
    looked_at: datetime | None = None  # when the first answer of CCT that it took was asked for
    decisions: tuple[DecisionRecord, ...]
    permitted_at: datetime | None
    actions: tuple[ActionRecord, ...]
    verifications: tuple[VerificationRecord, ...]
    outcome: Outcome | None
    reason: str | None
    ended_at: datetime | None = None

    @property
    def left(self) -> tuple[Outcome, str] | None:
        """The state in which an unfinished change was left, and why; None where there was none."""
        for decision in reversed(self.decisions):
            if decision.verdict in _LEFT:
                return _LEFT[decision.verdict], decision.reason
        return None

    @property
    def in_doubt(self) -> bool:
        """True if it ended unverified, with a change of which no look has shown the effect."""
        return self.outcome is Outcome.UNVERIFIED and any(
            act.kind == "change" and act.state in {"intended", "without effect"}
            for act in self.actions
        )

    @property
    def nothing_done(self) -> bool:
        """True if all that was sent was refused, so that nothing was ever changed."""
        made = [act for act in self.actions if act.kind == "change"]
        return bool(made) and all(act.state == "not done" for act in made)

    def ending(self, outcome: Outcome, reason: str) -> RunRecord:
        """Return the same with the end that the run is about to have."""
        return self.model_copy(update={"outcome": outcome, "reason": reason})


def record_decision(  # noqa: PLR0913 -- a row has that many columns
    ledger: Ledger,
    diagnosis: Diagnosis,
    plan: Plan,
    *,
    run: Run,
    mode: Mode,
    verdict: str,
    reason: str,
    guard: str | None = None,
    policy: FileVersion | None = None,
) -> None:
    """
    Write down what the gate decided about ``plan``, and which guard it was that refused.

    ``policy`` is the version of the policy that it went by; None for what no policy may stop.
    """
    execute(
        ledger,
        sa.insert(decisions).values(
            run_id=run.id,
            incident_id=run.incident_id,
            playbook=plan.playbook,
            target=plan.target,
            mode=mode.value,
            verdict=verdict,
            reason=reason,
            guard=guard,
            headline=diagnosis.headline,
            severity=diagnosis.severity.value,
            evidence=[fact.model_dump(mode="json") for fact in diagnosis.evidence],
            plan=plan.model_dump(mode="json"),
            plan_digest=plan.digest,
            **versions("policy", policy),
        ),
    )


def record_verification(engine: sa.Engine, run_id: UUID, found: Verification) -> None:
    """Write down how a verification ended."""
    row = found.model_dump(mode="json", include={"verdict", "reason", "samples"})
    execute(engine, sa.insert(verifications).values(run_id=run_id, **row), repeatable=True)


def record_outcome(
    ledger: Ledger, run: Run, target: str, outcome: Outcome, reason: str, *, said: bool = False
) -> datetime:
    """
    Write down how the run ended, and return when; the last word counts.

    ``said`` is whether people were told: who was asked for a yes hears of it later where not.
    """
    offer = insert(resolutions).values(
        run_id=run.id,
        incident_id=run.incident_id,
        playbook=run.playbook,
        target=target,
        outcome=outcome.value,
        reason=reason,
    )
    update = offer.on_conflict_do_update(
        index_elements=["run_id"],
        set_={"outcome": outcome.value, "reason": reason, "finished_at": now()},
    )
    ended = update.returning(resolutions.c.finished_at)

    def write(tx: sa.Connection) -> datetime:
        (owed_ends.forget if said else owed_ends.record)(tx, run.id)
        finished_at: datetime = tx.execute(ended).scalar_one()
        return finished_at

    return within(ledger, write, repeatable=True)


def incident_of(engine: sa.Engine, run_id: UUID) -> UUID | None:
    """Return the incident for which a run was permitted to change something, if any."""
    permitted = sa.select(permits.c.incident_id).where(permits.c.run_id == run_id)
    return scalar(engine, permitted.limit(1))


def last_reason(engine: sa.Engine, playbook: str) -> str | None:
    """Return the reason with which the playbook's newest run ended."""
    reasons = sa.select(resolutions.c.reason).where(resolutions.c.playbook == playbook)
    return scalar(engine, reasons.order_by(resolutions.c.finished_at.desc()).limit(1))


def of_run(engine: sa.Engine, run_id: UUID) -> RunRecord:
    """Read everything about a run."""
    decided = sa.select(decisions).where(decisions.c.run_id == run_id)
    acted = (
        sa.select(actions, permits.c.kind)
        .join(permits, permits.c.id == actions.c.permit_id)
        .where(permits.c.run_id == run_id)
    )
    verified = sa.select(verifications).where(verifications.c.run_id == run_id)
    permitted = sa.select(sa.func.min(permits.c.issued_at)).where(permits.c.run_id == run_id)
    looked = sa.select(sa.func.min(run_reads.c.began_at)).where(run_reads.c.run_id == run_id)

    def everything(connection: sa.Connection) -> RunRecord:
        ended = connection.execute(
            sa.select(resolutions).where(resolutions.c.run_id == run_id)
        ).one_or_none()
        sent = connection.execute(
            sa.select(dispatches.c.finished_at, sa.func.min(alert_rows.c.received_at).label("at"))
            .join(incidents, incidents.c.id == dispatches.c.incident_id)
            .outerjoin(alert_rows, alert_rows.c.incident_id == incidents.c.id)
            .where(dispatches.c.flow_run_id == run_id)
            .group_by(dispatches.c.id)
        ).one_or_none()
        return RunRecord(
            received_at=sent.at if sent else None,
            looked_at=connection.execute(looked).scalar(),
            dispatched_at=sent.finished_at if sent else None,
            decisions=tuple(read(connection, DecisionRecord, decided.order_by(decisions.c.id))),
            permitted_at=scalar(connection, permitted),
            actions=tuple(read(connection, ActionRecord, acted.order_by(actions.c.id))),
            verifications=tuple(
                read(connection, VerificationRecord, verified.order_by(verifications.c.id))
            ),
            outcome=Outcome(ended.outcome) if ended else None,
            reason=ended.reason if ended else None,
            ended_at=ended.finished_at if ended else None,
        )

    return within(engine, everything, repeatable=True)
