"""How a run comes to its change, in the order of the gate: record, guards, yes, lock, permit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from prefect.client.schemas.objects import StateType

from cct_ops.config.policy import Policy
from cct_ops.gate import autonomy
from cct_ops.ledger.gate import approvals, guards, permits
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.ledger.record import account
from cct_ops.models.autonomy import Rung
from cct_ops.models.guards import Intent, Rules, Standing, locked
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from evaluation.simulation.hands import Hands
from evaluation.simulation.plans import LOCK_WAIT, PERMIT_SECONDS, Conclusion
from evaluation.simulation.scenario import silences

OUTCOMES = {"storm": Outcome.RECOMMENDED, "merge": Outcome.MERGED}
ANSWERS = {
    ApprovalState.DECLINED: Outcome.DECLINED,
    ApprovalState.EXPIRED: Outcome.EXPIRED,
    ApprovalState.VOID: Outcome.VOID,
}


@dataclass(frozen=True)
class Passage:
    """One passage of one plan: in what mode, and what guards are asked about."""

    run: Run
    plan: Plan
    mode: Mode

    @property
    def wanted(self) -> Intent:
        """What guards are asked about."""
        return Intent(
            playbook=self.plan.playbook,
            target=self.plan.target,
            calls=len(self.plan.calls),
            run_id=self.run.id,
            incident_id=self.run.incident_id,
            by_person=self.run.incident_id is None,
        )


@dataclass
class Gate:
    """Asks the real record, guards and approvals, by this policy."""

    hands: Hands
    policy: Policy

    def rung(self, plan: Plan) -> Rung:
        """Return what the record lets the playbook do."""
        with self.hands.engine.connect() as connection:
            return autonomy.of(
                connection, self.policy, plan.playbook, plan.target, wanted_again=True
            )

    def trust_since(self, playbook: str, moment: datetime) -> None:
        """Merge into the policy that what was before is forgiven."""
        known = self.policy.of(playbook).model_copy(update={"clean_since": moment})
        playbooks = self.policy.playbooks | {playbook: known}
        self.policy = self.policy.model_copy(update={"playbooks": playbooks})

    def first_stop(self, passage: Passage) -> Standing | None:
        """Return the first guard that stops the run before anybody is asked, or None."""
        with self.hands.engine.connect() as connection:
            stop = guards.first_stop(connection, passage.wanted, self._rules(passage.plan))
            if stop is None and passage.mode is Mode.APPROVE:
                other = guards.waiting_run(connection, passage.wanted)
                return guards.merged(passage.wanted, other) if other else None
        return stop

    def ask(self, passage: Passage, minutes: float) -> tuple[Approval, bool]:
        """Return the run's request for a yes, and whether it is new."""
        plan, run = passage.plan, passage.run
        refused = approvals.refused(self.hands.engine, run.id)
        if refused is not None:
            return refused, False
        terms = approvals.Terms(why="A yes is needed.", seconds=minutes * 60)
        return approvals.request(self.hands.engine, Conclusion(plan), plan, run, terms)

    def permit(self, passage: Passage, token: int) -> Permit | None:
        """Issue the permit, in one transaction with the last look at the guards."""
        with self.hands.engine.begin() as tx:
            guards.serialise(tx)
            stop = guards.first_stop(tx, passage.wanted, self._rules(passage.plan))
            if stop is None:
                approvals.use(tx, passage.run, passage.plan)
                self._decide(tx, passage, "permitted", "Nothing stands against it.")
                return permits.issue(
                    tx,
                    PermitKind.CHANGE,
                    passage.plan,
                    passage.plan.calls,
                    run=passage.run,
                    fencing_token=token,
                    seconds=PERMIT_SECONDS,
                )
        self.stopped(passage, stop)
        return None

    def locked_out(self, passage: Passage) -> StateType:
        """End the run that did not get the lock in time."""
        return self.stopped(passage, locked(passage.plan.target, LOCK_WAIT / timedelta(seconds=1)))

    def stopped(self, passage: Passage, stop: Standing) -> StateType:
        """End the run as this guard wants it."""
        outcome = OUTCOMES.get(stop.guard, Outcome.BLOCKED)
        return self.end(passage, outcome, stop.reason, stop.guard)

    def end(
        self, passage: Passage, outcome: Outcome, reason: str, guard: str | None = None
    ) -> StateType:
        """Write down why nothing is done, and how the run ends."""
        self.decide(passage, outcome.value, reason, guard)
        self.hands.conclude(passage.run, passage.plan.target, outcome, reason)
        return StateType.COMPLETED

    def decide(self, passage: Passage, verdict: str, reason: str, guard: str | None = None) -> None:
        """Write down a decision."""
        with self.hands.engine.begin() as tx:
            self._decide(tx, passage, verdict, reason, guard)

    def _decide(
        self,
        tx: sa.Connection,
        passage: Passage,
        verdict: str,
        reason: str,
        guard: str | None = None,
    ) -> None:
        account.record_decision(
            tx,
            Conclusion(passage.plan),
            passage.plan,
            run=passage.run,
            mode=passage.mode,
            verdict=verdict,
            reason=reason,
            guard=guard,
        )

    def _rules(self, plan: Plan) -> Rules:
        return Rules(
            settings=self.policy.guards,
            maintenance=self.policy.maintenance,
            allowed=self.policy.of(plan.playbook).targets,
            silences=silences(self.hands.days.now),
        )
