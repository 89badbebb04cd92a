"""After a crash: lock the dead run out, look at what it had begun, and put it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa

from cct_ops.diagnoses.recovery import RecoveryDiagnosis, StepState
from cct_ops.errors import NotPermitted
from cct_ops.gate.apply_and_confirm import FIRST_LOOK_SECONDS, Executor
from cct_ops.gate.restore import holding, put_all_back
from cct_ops.ledger.gate import changes, crashed_runs, leases, owed_accounts
from cct_ops.ledger.intake import successors
from cct_ops.ledger.record import account
from cct_ops.models.crashed_run import BegunStep, CrashedRun
from cct_ops.models.run import Outcome, Run


def account_of(
    engine: sa.Engine, run: Run, cause: str, otherwise: Outcome
) -> tuple[Outcome, str, str] | None:
    """Return outcome, reason and target of a run that was ended; None if it is to be recovered."""
    if leases.is_reaped(engine, run.id):
        return None
    known = account.of_run(engine, run.id)
    if known.left is None and any(act.kind == "change" for act in known.actions):
        return None  # cut off in the middle: the reaper finds it without an account
    outcome, reason = known.left or (otherwise, cause)
    return outcome, reason, known.decisions[-1].plan.target if known.decisions else run.playbook


def left_to_another(engine: sa.Engine, run_id: UUID) -> bool:
    """
    Leave a run whose process died to the controller, if it is one that another run replaces.

    That is one that had begun and changed nothing, of an incident that is open still. One of which
    nothing ever began would end like this again, so a person hears of it at once.
    """
    known = account.of_run(engine, run_id)
    if known.actions or known.left is not None or leases.seconds_over(engine, run_id) is None:
        return False
    with engine.connect() as connection:
        if successors.find_open_dispatch(connection, run_id) is None:
            return False
    owed_accounts.leave(engine, run_id)
    return True


@contextmanager
def locked_out(
    executor: Executor, run_id: UUID, name_of: Callable[[UUID], str]
) -> Iterator[tuple[CrashedRun, int]]:
    """
    Take the run for dead and hold the lock of its target, with a newer token than its own.

    One that ended without knowing whether its change took effect is looked at like a dead one.
    Raises ``NotPermitted`` when the run shows signs of life, or never changed anything.
    """
    known = account.of_run(executor.engine, run_id)
    if known.outcome not in {None, Outcome.FAILED} and not known.in_doubt:
        raise NotPermitted(f"Run {run_id} ended by itself: {known.outcome}. {known.reason}")
    crashed = crashed_runs.of_run(executor.engine, run_id, name_of(run_id))
    with holding(executor, crashed.plan.target, dead_run_id=run_id) as token:
        yield crashed, token


def diagnose(
    executor: Executor, crashed: CrashedRun, look_at_step: Callable[[BegunStep], StepState]
) -> RecoveryDiagnosis:
    """
    Look at every step that was begun, and conclude what has to be put back.

    A temporary change that the dead run itself had taken back has ended; one that may yet take
    effect keeps its end.
    """
    states = tuple(look_at_step(begun) for begun in crashed.begun)
    for found in states:
        undo = found.begun.step.undo
        if found.undone and found.begun.confirmed and undo is not None:
            changes.mark_undone(executor.engine, crashed.run.id, undo)
    return RecoveryDiagnosis.of(crashed, states)


def look_at_step(executor: Executor, begun: BegunStep) -> StepState:
    """
    See whether a begun step is in effect, and wait for it as long as CCT's reads may lag.

    Raises ``Unavailable`` when CCT does not say: then nothing is known, and nothing is sent.
    """
    age = crashed_runs.seconds_since_intent(executor.engine, begun.permit_id)
    clock, look_at = executor.clock, executor.systems.look_at
    until = clock.monotonic() + max(0.0, executor.settings.settle_seconds - age)
    while True:
        look = look_at(begun.step.call)
        # What has no undo and is not in effect never happened.
        undo = begun.step.undo
        undone = not look.took_effect and (undo is None or look_at(undo).took_effect)
        if look.took_effect or clock.monotonic() >= until:
            break
        clock.sleep(FIRST_LOOK_SECONDS)
    if look.took_effect and not begun.confirmed:
        crashed_runs.confirm(executor.engine, begun)
    return StepState(begun=begun, in_effect=look.took_effect, undone=undone, seen=look.seen)


def take_back(
    executor: Executor, crashed: CrashedRun, token: int, diagnosis: RecoveryDiagnosis
) -> None:
    """Carry out the way back, and note which temporary changes have thereby ended."""
    if diagnosis.plan is None:
        return
    put_all_back(executor, diagnosis.plan, diagnosis.calls, token)
    for call in diagnosis.calls:
        changes.mark_undone(executor.engine, crashed.run.id, call)
