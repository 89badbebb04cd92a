"""The end of temporary changes: compared with what was set, and only then put back."""

from __future__ import annotations

import time
from uuid import UUID

from cct_ops import policy, wake_ups
from cct_ops.errors import SteadyStateNotReached
from cct_ops.ledger import changes, wrecks
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.chaos import KEPT_BY_THEIR_RUN
from cct_ops.models.reversion import Comparison, ReversionDiagnosis
from tasks.actions import look_at
from tasks.carry_out import FIRST_LOOK_SECONDS
from tasks.connections import ledger, settings
from tasks.diagnose import probe
from tasks.restore import holding, put_all_back


def read_change(change_id: UUID) -> TemporaryChange:
    """Read a temporary change as it stands now."""
    return changes.read(ledger(), change_id)


def end_change(change: TemporaryChange, *, early: bool) -> ReversionDiagnosis:
    """
    Wait for the target, read the change's time again, and take it back if it is over.

    What is no longer as it was set is left alone. A change that could not be put back stays open,
    and the dispatcher's sweep wakes somebody for it again.
    """
    kept = change.playbook in KEPT_BY_THEIR_RUN
    if kept and not early and changes.seconds_left(ledger(), change.id) > 0:
        return ReversionDiagnosis.not_now(change)  # its run lives, and has the lock
    # A run that no longer keeps its change alive is dead or stuck: nothing waits for its lock.
    with holding(change.target, dead_run_id=change.run_id if kept else None) as token:
        before = changes.read(ledger(), change.id)
        if not changes.claim_revert(ledger(), change.id, early=early):
            return ReversionDiagnosis.not_now(changes.read(ledger(), change.id))
        diagnosis = ReversionDiagnosis.of(before, compare(before))
        if diagnosis.plan is not None:
            try:
                put_all_back(diagnosis.plan, diagnosis.plan.calls, token)
            except SteadyStateNotReached as unseen:
                return diagnosis.unconfirmed(str(unseen))
        if diagnosis.ends_as is not None:
            changes.finish(ledger(), change.id, diagnosis.ends_as, diagnosis.headline)
    return diagnosis


@probe
def compare(change: TemporaryChange) -> Comparison:
    """
    See whether the value is still as it was set, as it was before, or something else.

    That it is as before says nothing as long as CCT's reads may lag behind a change that was not
    seen yet.
    """
    age = wrecks.seconds_since_intent(ledger(), change.permit_id)
    lag = 0.0 if change.state is ChangeState.ACTIVE else settings().settle_seconds - age
    until = time.monotonic() + lag
    while True:
        as_set = look_at(change.call)
        as_before = look_at(change.revert)
        if not (as_set.took_effect or as_before.took_effect):
            as_set = look_at(change.call)  # it may have come between the two looks
        if as_set.took_effect or not as_before.took_effect or time.monotonic() >= until:
            break
        time.sleep(FIRST_LOOK_SECONDS)
    return Comparison(as_set=as_set.took_effect, as_before=as_before.took_effect, seen=as_set.seen)


def extend_change(change_id: UUID, minutes: float) -> TemporaryChange:
    """Let a change last ``minutes`` from now, as far as policy goes, with a wake-up of its own."""
    longest = policy.read(settings().policy_path).temporary_changes.longest_minutes
    extended = changes.extend(ledger(), change_id, minutes=minutes, longest_minutes=longest)
    wake_ups.wake(ledger(), extended)
    return extended
