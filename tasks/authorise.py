"""
The one gate between a diagnosis and a change.

``authorise`` is a plain context manager and never a task: asking for approval suspends the run by
raising ``Pause``, which tasks must not do. On resume the flow starts again from the top, so that
all evidence is fresh, and meets its own request for approval in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger import approvals, changes, guards, leases, locks, permits, record
from cct_ops.models.diagnosis import Diagnosis, RenewedDiagnosis
from cct_ops.models.guards import Guard, Intent, Standing, locked
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from tasks import story, temporary
from tasks.actions import holds_already
from tasks.approval import ask
from tasks.connections import current_run, ledger, settings
from tasks.guards import before_asking, effective_mode, intent, outcome_of, rules_for
from tasks.undo import put_back

# Beyond the watch window a permit leaves room for the write, its read-back and slow answers.
MARGIN_SECONDS = 600.0
LOCK_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate decided: a permit, or the outcome with which the run ends without one."""

    reason: str
    permit: Permit | None = None
    outcome: Outcome | None = None


@contextmanager
def authorise(
    diagnosis: Diagnosis, mode: Mode, again: Callable[[], RenewedDiagnosis]
) -> Iterator[Decision]:
    """
    Decide whether the diagnosis's plan may be carried out, and surround what is done on it.

    ``mode`` is what was asked for; the playbook's ceiling in the policy, its own record and the
    plan itself may lower it. ``again`` looks afresh once the target is locked. If the body raises,
    whatever was begun is undone before the exception goes on, also when the run is cancelled.

    Raises ``NotPermitted`` when the diagnosis has no plan or approval cannot be asked for.
    """
    plan = diagnosis.plan
    if plan is None:
        raise NotPermitted("Nothing was done: the diagnosis has no plan.")
    story.concluded(diagnosis)
    story.planned(plan)
    gate = _Gate(diagnosis, plan, current_run(), *effective_mode(mode, plan))

    refusal = gate.refusal()
    if refusal is not None:
        yield refusal
        return

    with leases.alive(ledger(), gate.run.id, settings().lease_seconds):
        yield from _under_lock(gate, again)


def _under_lock(gate: _Gate, again: Callable[[], RenewedDiagnosis]) -> Iterator[Decision]:
    token = gate.lock()
    if token is None:
        yield gate.stopped(locked(gate.plan.target, settings().lock_wait_seconds))
        return
    try:
        changed = gate.changed_since(again()) or gate.already()
        if changed is not None:
            yield changed
            return
        decision = gate.permit(token)
        permit = decision.permit
        if permit is None:
            yield decision
            return
        try:
            temporary.schedule(gate.diagnosis, gate.plan, permit, gate.mode)
            yield decision
        except BaseException as error:  # a cancelled run must put things back as well
            put_back(gate.diagnosis, gate.plan, permit, error, gate.mode)
            raise
        finally:
            permits.close(ledger(), permit)
            changes.drop_unmade(ledger(), gate.run.id)
    finally:
        locks.release(ledger(), gate.plan.target, token)


@dataclass(frozen=True, slots=True)
class _Gate:
    """One passage of one plan through the gate."""

    diagnosis: Diagnosis
    plan: Plan
    run: Run
    mode: Mode
    reason: str

    def refusal(self) -> Decision | None:
        """Return the decision that ends the run here, or None if it may go on to the lock."""
        asks = self.mode is not Mode.AUTO or self.plan.person is not None
        # One that asks nobody looks under the lock, right before it would write.
        if asks and (so := self.already()) is not None:
            return so
        if self.mode is Mode.OBSERVE:
            return self.refuse(Outcome.RECOMMENDED, f"{self.reason} Nothing was changed.")
        if (too_long := temporary.too_long(self.plan)) is not None:
            return self.refuse(Outcome.BLOCKED, too_long)
        stop = before_asking(self.wanted, asks=asks)
        if stop is not None:
            return self.stopped(stop)
        if not asks:
            return None
        why = self.plan.person or self.reason
        answer = ask(self.diagnosis, self.plan, self.run, why)
        return None if answer is None else self.refuse(*answer)

    def already(self) -> Decision | None:
        """Return the decision that nothing is to be done because it is so already, or None."""
        seen = holds_already(self.plan.calls)
        if seen is None:
            return None
        return self.refuse(Outcome.NOTHING_TO_DO, f"It is so already: {seen}.")

    @property
    def wanted(self) -> Intent:
        """What guards are asked about."""
        return intent(self.plan, self.run, self.mode)

    def refuse(self, outcome: Outcome, reason: str, guard: Guard | None = None) -> Decision:
        """Write down a refusal."""
        self._decide(outcome.value, reason, guard)
        return Decision(reason=reason, outcome=outcome)

    def stopped(self, stop: Standing) -> Decision:
        """Write down the refusal of a guard."""
        return self.refuse(outcome_of(stop), stop.reason, stop.guard)

    def lock(self) -> int | None:
        """Wait for the target's lock; None when it was not to be had in time."""
        until = time.monotonic() + settings().lock_wait_seconds
        while (
            token := locks.acquire(ledger(), self.plan.target, self.run.id, self._seconds())
        ) is None and time.monotonic() < until:
            time.sleep(LOCK_POLL_SECONDS)
        return token

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
        rules = rules_for(self.plan.playbook)
        if isinstance(rules, Standing):
            return self.stopped(rules)
        with ledger().begin() as tx:
            guards.serialise(tx)
            stop = guards.first_stop(tx, self.wanted, rules)
            if stop is None:
                approvals.use(tx, self.run, self.plan)
                self._decide_in(tx, "permitted", self.reason)
                permit = permits.issue(
                    tx,
                    PermitKind.CHANGE,
                    self.plan,
                    self.plan.calls,
                    run=self.run,
                    fencing_token=token,
                    seconds=self._seconds(),
                )
                return Decision(reason=self.reason, permit=permit)
        return self.stopped(stop)

    def _decide(self, verdict: str, reason: str, guard: Guard | None = None) -> None:
        with ledger().begin() as tx:
            self._decide_in(tx, verdict, reason, guard)

    def _decide_in(
        self, tx: sa.Connection, verdict: str, reason: str, guard: Guard | None = None
    ) -> None:
        record.decide(
            tx,
            self.diagnosis,
            self.plan,
            run=self.run,
            mode=self.mode,
            verdict=verdict,
            reason=reason,
            guard=guard.value if guard else None,
        )
        story.decided(verdict, reason)

    def _seconds(self) -> float:
        return self.plan.steady_state.watch_seconds + settings().settle_seconds + MARGIN_SECONDS
