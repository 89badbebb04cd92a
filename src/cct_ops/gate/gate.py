"""
The gate: how a plan comes to be carried out, and what surrounds it.

guards ─► a person's yes ─► lock ─► fresh look ─► permit ─► ends of temporary changes ─► the change
Whatever goes wrong after the permit is undone, and the lock is released in any case.

``authorise`` is a plain context manager and never a task: asking for approval suspends the run by
raising ``Pause``, which tasks must not do. On resume the flow starts again from the top, so that
all evidence is fresh, and meets its own request for approval in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from cct_ops import interrupts, tracing
from cct_ops.config.policy import Policy
from cct_ops.diagnoses.reversion import ReversionDiagnosis
from cct_ops.errors import NotPermitted
from cct_ops.gate import temporary
from cct_ops.gate.apply_and_confirm import Change, Executor
from cct_ops.gate.approval import Asking
from cct_ops.gate.collaborators import Notifier, Suspension
from cct_ops.gate.extending import Extending
from cct_ops.gate.guards import (
    before_asking,
    effective_mode,
    intent,
    outcome_of,
    rules_for,
    too_long,
)
from cct_ops.gate.issue import issue
from cct_ops.gate.restore import wait_for_lock
from cct_ops.gate.undo import put_back
from cct_ops.ledger.gate import changes, locks, permits, takeovers
from cct_ops.ledger.record import account
from cct_ops.ledger.statements import within
from cct_ops.models.diagnosis import Diagnosis, RenewedDiagnosis
from cct_ops.models.guards import Guard, GuardResult, Intent, Rules, locked
from cct_ops.models.plan import Permit, Plan
from cct_ops.models.run import Mode, Outcome
from cct_ops.models.takeover import Takeover, stop_by

# Beyond the watch window a permit leaves room for the write, its read-back and slow answers.
MARGIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer: a permit, or the outcome with which the run ends without one."""

    reason: str
    permit: Permit | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Gate:
    """
    The gate of one run, with all that it works with.

    The policy is as it was when the run came to the gate: an edit counts for the next run.
    """

    executor: Executor
    policy: Policy
    notifier: Notifier
    suspension: Suspension
    schedule_revert: temporary.ScheduleRevert

    @contextmanager
    def authorise(
        self, diagnosis: Diagnosis, mode: Mode, again: Callable[[], RenewedDiagnosis]
    ) -> Iterator[Decision]:
        """
        Decide whether the diagnosis's plan may be carried out, and surround what is done on it.

        ``mode`` is what was asked for; the playbook's ceiling in the policy, its own record and the
        plan itself may lower it. ``again`` looks afresh once the target is locked. If the body
        raises, whatever was begun is undone before the exception goes on, also when the run is
        cancelled.

        Raises ``NotPermitted`` when the diagnosis has no plan or approval cannot be asked for.
        """
        plan, executor = diagnosis.plan, self.executor
        if plan is None:
            raise NotPermitted("Nothing was done: the diagnosis has no plan.")
        executor.story.concluded(diagnosis)
        executor.story.planned(plan)
        allowed, reason = effective_mode(executor.engine, self.policy, mode, plan)
        taken = takeovers.of_run(executor.engine, executor.run.id)
        if taken is not None:
            stop_by(taken)
            allowed, reason = Mode.OBSERVE, taken.words
        passage = _Passage(self, diagnosis, plan, allowed, reason)

        with tracing.span("decide", {"cct_ops.mode": allowed.value}) as span:
            refusal = passage.refusal()
            if refusal is not None and refusal.outcome is not None:
                span.set_attribute("cct_ops.outcome", refusal.outcome.value)
        if refusal is not None:
            yield refusal
            return
        with executor.alive():
            yield from passage.under_lock(again)

    def extend(self, change_id: UUID, minutes: float, reason: str) -> ReversionDiagnosis:
        """
        Let a change last ``minutes`` from now, as far as policy goes, with a new revert.

        What was made because persons said yes takes a yes again. Raises ``NotPermitted`` where it
        cannot be extended, and what suspends the run.
        """
        wish = Extending(self.executor, self.policy, self.notifier, self.suspension)
        found = wish.extend(change_id, minutes, reason)
        if isinstance(found, ReversionDiagnosis):
            return found
        self.schedule_revert(found)
        return ReversionDiagnosis.extended(found)


@dataclass(frozen=True, slots=True)
class _Passage:
    """One passage of one plan through the gate."""

    gate: Gate
    diagnosis: Diagnosis
    plan: Plan
    mode: Mode
    reason: str

    def refusal(self) -> Decision | None:
        """Return the decision that ends the run here, or None if it may go on to the lock."""
        gate, engine = self.gate, self.gate.executor.engine
        asks = self.mode is not Mode.AUTO or self.plan.person is not None
        # One that asks nobody looks under the lock, right before it would write.
        if asks and (so := self.already()) is not None:
            return so
        if self.mode is Mode.OBSERVE:
            return self.refuse(Outcome.RECOMMENDED, f"{self.reason} Nothing was changed.")
        longest = gate.policy.temporary_changes.longest_minutes
        if (refused := too_long(self.plan, longest)) is not None:
            return self.refuse(Outcome.BLOCKED, refused)
        stop = before_asking(engine, self.wanted, self.rules, asks=asks)
        if stop is not None:
            return self.stopped(stop)
        if not asks:
            return None
        asking = Asking(gate.executor, gate.policy, gate.notifier, gate.suspension)
        answer = asking.ask(self.diagnosis, self.plan, self.plan.person or self.reason)
        return None if answer is None else self.refuse(*answer)

    def under_lock(self, again: Callable[[], RenewedDiagnosis]) -> Iterator[Decision]:
        """Go on under the target's lock, and let the change be made if all is still as it was."""
        executor = self.gate.executor
        engine, target = executor.engine, self.plan.target
        token = wait_for_lock(executor, target, self._seconds())
        if token is None:
            taken = takeovers.of_run(engine, executor.run.id)
            seconds = executor.settings.lock_wait_seconds
            yield self.stands_back(taken) if taken else self.stopped(locked(target, seconds))
            return
        try:
            changed = self.changed_since(again()) or self.already()
            if changed is not None:
                yield changed
                return
            with tracing.span("permit"):
                decision = self.permit(token)
            if decision.permit is None:
                yield decision
                return
            change = Change(executor, self.diagnosis, self.plan, decision.permit, self.mode)
            try:
                temporary.schedule(change, self.gate.schedule_revert)
                yield decision
                self.leave(decision.permit)
            except BaseException as error:  # a cancelled run must put things back as well
                takeovers.mark_stopped(engine, executor.run.id)
                with interrupts.shielded(), tracing.span("undo"):
                    put_back(change, error, self.gate.notifier)
                raise
            finally:
                permits.close(engine, decision.permit)
                changes.drop_unmade(engine, executor.run.id)
        finally:
            locks.release(engine, target, token)

    def leave(self, permit: Permit) -> None:
        """End the change, unless a person has said by now that it is to be stopped."""
        engine, run_id = self.gate.executor.engine, self.gate.executor.run.id

        def close(tx: sa.Connection) -> None:
            stop_by(takeovers.fence(tx, run_id))
            permits.close(tx, permit)

        within(engine, close, repeatable=True)

    def stands_back(self, taken: Takeover) -> Decision:
        """Go no further because a person has taken the run over."""
        stop_by(taken)
        return self.refuse(Outcome.RECOMMENDED, f"{taken.words} Nothing was changed.")

    def already(self) -> Decision | None:
        """Return the decision that nothing is to be done because it is so already, or None."""
        seen = self.gate.executor.holds_already(self.plan.calls)
        if seen is None:
            return None
        return self.refuse(Outcome.NOTHING_TO_DO, f"It is so already: {seen}.")

    @property
    def wanted(self) -> Intent:
        """The intent that guards are asked about."""
        return intent(self.plan, self.gate.executor.run, self.mode)

    @property
    def rules(self) -> Rules | GuardResult:
        """The rules that guards go by now, or the refusal where they cannot be read."""
        systems = self.gate.executor.systems
        return rules_for(self.gate.policy, systems.silences, self.plan.playbook)

    def refuse(self, outcome: Outcome, reason: str, guard: Guard | None = None) -> Decision:
        """Write down a refusal."""
        within(self.gate.executor.engine, lambda tx: self._decide(tx, outcome.value, reason, guard))
        return Decision(reason=reason, outcome=outcome)

    def stopped(self, stop: GuardResult) -> Decision:
        """Write down the refusal of a guard."""
        return self.refuse(outcome_of(stop), stop.reason, stop.guard)

    def changed_since(self, fresh: RenewedDiagnosis) -> Decision | None:
        """Compare a fresh look with the plan; None if the plan still fits."""
        if fresh.plan is None:
            over = fresh.outcome is Outcome.NOTHING_TO_DO  # anything else is no all-clear
            since = "No longer needed" if over else "No longer possible"
            return self.refuse(fresh.outcome, f"{since} when it was its turn: {fresh.headline}")
        if fresh.plan.digest != self.plan.digest:
            return self.refuse(
                Outcome.VOID, f"The target changed while the plan waited: {fresh.headline}"
            )
        return None

    def permit(self, token: int) -> Decision:
        """Issue the permit, in one transaction with the last look at the guards and the reason."""
        rules = self.rules
        if isinstance(rules, GuardResult):
            return self.stopped(rules)
        make = partial(
            issue,
            plan=self.plan,
            run=self.gate.executor.run,
            wanted=(self.wanted, rules),
            decide=lambda tx: self._decide(tx, "permitted", self.reason),
            fencing_token=token,
            seconds=self._seconds(),
        )
        match within(self.gate.executor.engine, make, repeatable=True):
            case Permit() as permit:
                return Decision(reason=self.reason, permit=permit)
            case GuardResult() as stop:
                return self.stopped(stop)
            case taken:
                return self.stands_back(taken)

    def _decide(
        self, tx: sa.Connection, verdict: str, reason: str, guard: Guard | None = None
    ) -> None:
        account.record_decision(
            tx,
            self.diagnosis,
            self.plan,
            run=self.gate.executor.run,
            mode=self.mode,
            verdict=verdict,
            reason=reason,
            guard=guard.value if guard else None,
            policy=self.gate.policy.version,
        )
        self.gate.executor.story.decided(verdict, reason)

    def _seconds(self) -> float:
        settle = self.gate.executor.settings.settle_seconds
        return self.plan.steady_state.watch_seconds + settle + MARGIN_SECONDS
