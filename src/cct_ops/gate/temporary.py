"""
Temporary changes: their end is arranged before they are made, compared first, and then brought.

One that lasts no longer than its run has to be kept alive by it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from cct_ops.diagnoses.reversion import Comparison, ReversionDiagnosis
from cct_ops.errors import SteadyStateNotReached
from cct_ops.gate.apply_and_confirm import FIRST_LOOK_SECONDS, Change, Executor
from cct_ops.gate.restore import holding, put_all_back
from cct_ops.ledger.gate import changes, crashed_runs
from cct_ops.ledger.statements import within
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.chaos import KEPT_BY_THEIR_RUN
from cct_ops.models.plan import Permit, Plan

ScheduleRevert = Callable[[TemporaryChange], object]
"""Makes the run that reverts a change when its time is over; ``Unavailable`` where it cannot."""


def schedule(change: Change, schedule_revert: ScheduleRevert) -> None:
    """
    Write down each temporary change of the plan and make the run that takes it back.

    Raises ``Unavailable`` when that run cannot be made: then nothing may be changed either.
    """
    executor, diagnosis, plan, permit, mode = change
    run, engine = executor.run, executor.engine
    for step in plan.steps:
        if step.lasts_minutes is None or step.undo is None:
            continue
        before = executor.systems.look_at(step.undo).seen
        owner = changes.approver(engine, run.id) or f"{run.name} in {mode} mode"
        write = partial(
            changes.schedule,
            permit=permit,
            step=step,
            before=before,
            owner=owner,
            reason=diagnosis.headline,
        )
        schedule_revert(within(engine, write))


def keepalive(executor: Executor, permit: Permit) -> AbstractContextManager[None]:
    """
    Keep the temporary changes of the permit's run alive until the block ends.

    When the process dies their time is over soon, and a sweep takes them back.
    """
    seconds = executor.settings.fault_lease_seconds

    def renew() -> None:
        changes.keep(executor.engine, permit.run_id, seconds)

    renew()
    return executor.clock.repeating(seconds / 4, renew, f"time of the faults of {permit.run_id}")


def take_back(executor: Executor, permit: Permit, plan: Plan) -> None:
    """Take back, in reverse, what the run has changed for its own time only."""
    put_all_back(executor, plan, plan.undo_calls, permit.fencing_token)
    for call in plan.undo_calls:
        changes.mark_undone(executor.engine, permit.run_id, call)


def end_change(
    executor: Executor,
    change: TemporaryChange,
    compare: Callable[[TemporaryChange], Comparison],
    *,
    early: bool,
) -> ReversionDiagnosis:
    """
    Wait for the target, read the change's time again, and take it back if it is over.

    What is no longer as it was set is left alone. A change that could not be put back stays open,
    and the sweep wakes somebody for it again.
    """
    engine, kept = executor.engine, change.playbook in KEPT_BY_THEIR_RUN
    if kept and not early and changes.seconds_left(engine, change.id) > 0:
        return ReversionDiagnosis.not_now(change)  # its run lives, and has the lock
    # A run that no longer keeps its change alive is dead or stuck: nothing waits for its lock.
    dead_run_id = change.run_id if kept else None
    with holding(executor, change.target, dead_run_id=dead_run_id) as token:
        before = changes.read(engine, change.id)
        if not changes.claim_revert(engine, change.id, early=early):
            return ReversionDiagnosis.not_now(changes.read(engine, change.id))
        diagnosis = ReversionDiagnosis.of(before, compare(before))
        if diagnosis.plan is not None:
            try:
                put_all_back(executor, diagnosis.plan, diagnosis.plan.calls, token)
            except SteadyStateNotReached as unseen:
                return diagnosis.unconfirmed(str(unseen))
        if diagnosis.ends_as is not None:
            changes.finish(engine, change.id, diagnosis.ends_as, diagnosis.headline)
    return diagnosis


def compare(executor: Executor, change: TemporaryChange) -> Comparison:
    """
    See whether the value is still as it was set, as it was before, or something else.

    That it is as before says nothing as long as CCT's reads may lag behind a change that was not
    seen yet.
    """
    look_at, clock = executor.systems.look_at, executor.clock
    age = crashed_runs.seconds_since_intent(executor.engine, change.permit_id)
    seen_before = change.state is ChangeState.ACTIVE
    until = clock.monotonic() + (0.0 if seen_before else executor.settings.settle_seconds - age)
    while True:
        as_set = look_at(change.call)
        as_before = look_at(change.revert)
        if not (as_set.took_effect or as_before.took_effect):
            as_set = look_at(change.call)  # it may have come between the two looks
        if as_set.took_effect or not as_before.took_effect or clock.monotonic() >= until:
            break
        clock.sleep(FIRST_LOOK_SECONDS)
    return Comparison(as_set=as_set.took_effect, as_before=as_before.took_effect, seen=as_set.seen)
