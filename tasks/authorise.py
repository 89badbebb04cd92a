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
from prefect import get_run_logger

from cct_ops import policy
from cct_ops.errors import NotPermitted, OpsError
from cct_ops.ledger import approvals, locks, permits, record
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.mode import Mode, lowest
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from tasks.actions import perform
from tasks.approval import ask
from tasks.connections import current_run, ledger, settings

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
    diagnosis: Diagnosis, mode: Mode, again: Callable[[], Diagnosis]
) -> Iterator[Decision]:
    """
    Decide whether the diagnosis's plan may be carried out, and surround what is done on it.

    ``mode`` is what was asked for; the playbook's ceiling in the policy and the plan itself may
    lower it. ``again`` looks afresh once the target is locked. If the body raises, whatever was
    begun is undone before the exception goes on, also when the run is cancelled.

    Raises ``NotPermitted`` when the diagnosis has no plan or approval cannot be asked for.
    """
    plan = diagnosis.plan
    if plan is None:
        raise NotPermitted("Nothing was done: the diagnosis has no plan.")
    gate = _Gate(diagnosis, plan, current_run(), *_effective(mode, plan))

    refusal = gate.refusal()
    if refusal is not None:
        yield refusal
        return

    token = gate.lock()
    if token is None:
        yield gate.refuse(
            Outcome.BLOCKED,
            f"Another run was changing {plan.target} for {settings().lock_wait_seconds:g} s.",
        )
        return
    try:
        changed = gate.changed_since(again())
        if changed is not None:
            yield changed
            return
        permit = gate.permit(token)
        try:
            yield Decision(reason=gate.reason, permit=permit)
        except BaseException as error:  # a cancelled run must put things back as well
            gate.put_back(permit, error)
            raise
        finally:
            permits.close(ledger(), permit)
    finally:
        locks.release(ledger(), plan.target, token)


def _effective(mode: Mode, plan: Plan) -> tuple[Mode, str]:
    """Return the mode that holds and the sentence that says why."""
    ceiling = policy.read(settings().policy_path).ceiling(plan.playbook)
    effective = lowest(mode, ceiling)
    if effective is not mode:
        return effective, f"Policy allows {plan.playbook} no more than {ceiling}; asked: {mode}."
    return effective, f"Asked for in {mode} mode, which policy allows."


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
        if self.mode is Mode.OBSERVE:
            return self.refuse(Outcome.RECOMMENDED, f"{self.reason} Nothing was changed.")
        if self.mode is Mode.AUTO and self.plan.needs_person is None:
            return None
        why = self.plan.needs_person or self.reason
        answer = ask(self.diagnosis, self.plan, self.run, why)
        return None if answer is None else self.refuse(*answer)

    def refuse(self, outcome: Outcome, reason: str) -> Decision:
        """Write down a refusal."""
        self._decide(outcome.value, reason)
        return Decision(reason=reason, outcome=outcome)

    def lock(self) -> int | None:
        """Wait for the target's lock; None when it was not to be had in time."""
        until = time.monotonic() + settings().lock_wait_seconds
        while (
            token := locks.acquire(ledger(), self.plan.target, self.run.id, self._seconds())
        ) is None and time.monotonic() < until:
            time.sleep(LOCK_POLL_SECONDS)
        return token

    def changed_since(self, fresh: Diagnosis) -> Decision | None:
        """Compare a fresh look with the plan; None if the plan still fits."""
        if fresh.plan is None:
            return self.refuse(
                Outcome.NOTHING_TO_DO, f"No longer needed when it was its turn: {fresh.headline}"
            )
        if fresh.plan.digest != self.plan.digest:
            return self.refuse(
                Outcome.VOID, f"The target changed while the plan waited: {fresh.headline}"
            )
        return None

    def permit(self, token: int) -> Permit:
        """Issue the permit, in one transaction with the decision that explains it."""
        with ledger().begin() as tx:
            approvals.use(tx, self.run, self.plan)
            self._decide_in(tx, "permitted", self.reason)
            return permits.issue(
                tx,
                PermitKind.CHANGE,
                self.plan,
                self.plan.calls,
                run=self.run,
                fencing_token=token,
                seconds=self._seconds(),
            )

    def put_back(self, permit: Permit, error: BaseException) -> None:
        """Undo what was begun, under the same lock; say it loudly if that fails too."""
        begun = permits.begun(ledger(), permit)
        if begun == 0:
            return
        cause = str(error) or type(error).__name__
        calls = [step.undo for step in reversed(self.plan.steps[:begun]) if step.undo is not None]
        get_run_logger().warning("Undoing %s: %s", ", ".join(map(str, calls)), cause)
        try:
            if not locks.renew(ledger(), self.plan.target, permit.fencing_token, self._seconds()):
                raise NotPermitted(f"The lock of {self.plan.target} was lost to another run.")
            with ledger().begin() as tx:
                restore = permits.issue(
                    tx,
                    PermitKind.RESTORE,
                    self.plan,
                    calls,
                    run=self.run,
                    fencing_token=permit.fencing_token,
                    seconds=self._seconds(),
                )
            for call in calls:
                perform(restore, call)
            permits.close(ledger(), restore)
        except OpsError as failure:
            self._decide("undo failed", f"{cause} The undo failed as well: {failure}")
            error.add_note(f"The undo failed as well: {failure}")
        else:
            self._decide(Outcome.UNDONE.value, f"{cause} The change was undone.")

    def _decide(self, verdict: str, reason: str) -> None:
        with ledger().begin() as tx:
            self._decide_in(tx, verdict, reason)

    def _decide_in(self, tx: sa.Connection, verdict: str, reason: str) -> None:
        record.decide(
            tx,
            self.diagnosis,
            self.plan,
            run=self.run,
            mode=self.mode,
            verdict=verdict,
            reason=reason,
        )

    def _seconds(self) -> float:
        return self.plan.steady_state.watch_seconds + settings().settle_seconds + MARGIN_SECONDS
