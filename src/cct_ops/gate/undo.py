"""
Undo: what a run had begun is taken back in reverse, and it is said loudly where that fails.

Only what was done, or may have been, is undone; and what lowers risk stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cct_ops.errors import NotDone, OpsError
from cct_ops.gate.apply_and_confirm import Change, Executor
from cct_ops.gate.collaborators import Notifier
from cct_ops.gate.restore import put_all_back
from cct_ops.ledger.gate import changes, crashed_runs, leases, permits, takeovers
from cct_ops.ledger.record import account
from cct_ops.models.plan import Call, Permit, Step
from cct_ops.models.run import Outcome
from cct_ops.models.takeover import TakenOver, Takeover
from cct_ops.models.topic import Topic
from cct_ops.reports import manual


def put_back(change: Change, error: BaseException, notifier: Notifier) -> None:
    """
    Undo what was begun on ``permit``, under the lock that it was begun under.

    What certainly did nothing is not undone, and neither is what lowers risk: the state before is
    the more dangerous one. What came of it is a decision in the ledger and, where a person has to
    look, a note on ``error``; the report shows it. A run that was taken for dead leaves it to
    its recovery, which has the lock by then; what it may have sent too late for that one to see, a
    person must look at.
    """
    executor, diagnosis, plan, permit, mode = change
    run, engine = executor.run, executor.engine
    begun = permits.steps_begun(engine, permit)
    if not begun:
        return
    if leases.is_reaped(engine, run.id):
        error.add_note("This run was taken for dead: its recovery puts back what it had begun.")
        late = permits.in_doubt(engine, permit)
        if late:
            _too_late(executor, plan.target, ", ".join(map(str, late)), notifier)
        return

    taken = takeovers.of_run(engine, run.id)
    if taken is not None and not taken.choice.undoes:
        verdict, reason = _keep(change, begun, error, taken)
        account.record_decision(
            engine, diagnosis, plan, run=run, mode=mode, verdict=verdict, reason=reason
        )
        return
    left = _left_by(change, begun, error)
    calls = [step.undo for step in reversed(left.made) if step.undo is not None]
    otherwise = Outcome.CANCELLED if isinstance(error, TakenOver) else Outcome.FAILED
    came_of_it, verdict = _undo(change, calls, left, otherwise)
    reason = f"{str(error) or type(error).__name__} {came_of_it}"
    if verdict == account.UNDO_FAILED:
        error.add_note(reason)
    account.record_decision(
        engine, diagnosis, plan, run=run, mode=mode, verdict=verdict, reason=reason
    )


class _Left(NamedTuple):
    """
    What is left of a change that did not come to its end.

    ``made`` has what was made or may have been, ``certain`` says that some of it was seen in
    effect; ``kept`` stays although it may be in effect, and of ``unseen`` no look has shown that.
    """

    made: tuple[Step, ...]
    certain: bool
    kept: tuple[Step, ...]
    unseen: bool


def _left_by(change: Change, begun: tuple[tuple[int, str], ...], error: BaseException) -> _Left:
    """Sort the steps: those to be undone, and those that stay although they may be in effect."""
    plan, executor = change.plan, change.executor
    made, kept, unseen = [], [], False
    for position, state in begun:
        step = plan.steps[position]
        if step.lowers_risk:
            if state != permits.NOT_DONE:
                kept.append(step)
                unseen |= state != permits.CONFIRMED
        elif (
            state == permits.CONFIRMED
            or (
                state not in {permits.NOT_DONE, permits.WITHOUT_EFFECT}
                and not _did_nothing(executor, step, change.permit, error)
            )
            or (state == permits.WITHOUT_EFFECT and executor.leaves_part(step))
        ):
            made.append(step)
    certain = any(
        state == permits.CONFIRMED and plan.steps[position] in made for position, state in begun
    )
    return _Left(tuple(made), certain, tuple(kept), unseen)


def _did_nothing(executor: Executor, step: Step, permit: Permit, error: BaseException) -> bool:
    """
    Look whether a step in doubt has done nothing: all is as it was, and no read lags any more.

    What was refused halfway does not lag.
    """
    if step.undo is None:
        return False
    age = crashed_runs.seconds_since_intent(executor.engine, permit.id)
    waited = age >= executor.settings.settle_seconds
    if not (waited or isinstance(error, NotDone)):
        return False
    look_at = executor.systems.look_at
    try:
        return not look_at(step.call).took_effect and look_at(step.undo).took_effect
    except OpsError as unseen:
        executor.story.warned("Nothing shows whether %s took effect: %s", step.call, unseen)
        return False


def _undo(
    change: Change, calls: Sequence[Call], left: _Left, otherwise: Outcome
) -> tuple[str, str]:
    """
    Take back what has to be; return what came of it, in words and as a verdict.

    That is ``otherwise`` where nothing had to be taken back.
    """
    executor = change.executor
    words, verdict = [], otherwise.value
    if calls:
        executor.story.warned("Undoing: %s", ", ".join(map(str, calls)))
        try:
            put_all_back(executor, change.plan, calls, change.permit.fencing_token)
        except OpsError as failure:
            if left.certain:
                words.append(f"The undo failed as well: {failure}")
                verdict = account.UNDO_FAILED
            else:
                words.append(
                    "Whether anything was changed is not known, and a person must look: it could"
                    f" not be taken back either. {failure}"
                )
        else:
            words.append("The change was undone.")
            verdict = Outcome.UNDONE.value
            for call in calls:
                changes.mark_undone(executor.engine, executor.run.id, call)
    lasting = [str(step.call) for step in left.made if step.undo is None]
    if lasting:
        verdict = account.UNDO_FAILED
        words.append(f"What cannot be undone: {', '.join(lasting)}.")
    if left.kept:
        stays = ", ".join(str(step.call) for step in left.kept)
        words.append(f"It is not taken back, because it lowers risk: {stays}.")
        if left.unseen:
            words.append("Whether it took effect is looked at again.")
        verdict = verdict if verdict == account.UNDO_FAILED else Outcome.UNVERIFIED.value
    return " ".join(words) or "Nothing of it is in effect, so nothing had to be undone.", verdict


def _keep(
    change: Change, begun: tuple[tuple[int, str], ...], error: BaseException, taken: Takeover
) -> tuple[str, str]:
    """Leave all as it is, as a person wants it; return the verdict on it, and its reason."""
    kept, doubtful = [], []
    for position, state in begun:
        call = change.plan.steps[position].call
        if state == permits.CONFIRMED or (
            state not in {permits.NOT_DONE, permits.WITHOUT_EFFECT} and _is_seen(change, call)
        ):
            kept.append(str(call))
        elif state not in {permits.NOT_DONE, permits.WITHOUT_EFFECT}:
            doubtful.append(str(call))
    words = [taken.words] if isinstance(error, TakenOver) else [f"{error}", taken.words]
    if kept:
        words.append(f"What it changed stays: {', '.join(kept)}.")
    if doubtful:
        calls = ", ".join(doubtful)
        words.append(f"Whether it took effect is not known, and is looked at again: {calls}.")
    if not (kept or doubtful):
        words.append("Nothing of it is in effect.")
    verdict = Outcome.UNVERIFIED if kept or doubtful else Outcome.CANCELLED
    return verdict.value, " ".join(words)


def _is_seen(change: Change, call: Call) -> bool:
    """Look once whether a call in doubt took effect, and write it down if so."""
    executor = change.executor
    try:
        look = executor.systems.look_at(call)
    except OpsError as error:
        executor.story.warned("Nothing shows whether %s took effect: %s", call, error)
        return False
    if look.took_effect:
        permits.confirm(executor.engine, change.permit, call)
        changes.activate(executor.engine, change.permit, call)
    return look.took_effect


def _too_late(executor: Executor, target: str, calls: str, notifier: Notifier) -> None:
    """Correct the account of a run that slept between its last check and its last call."""
    run, engine = executor.run, executor.engine
    reason = (
        f"It was taken for dead and may have sent this only when it woke up, after its recovery had"
        f" looked: {calls}. A person must look."
    )
    topic = Topic.of(run, target, Outcome.FAILED, needs_person=True)
    commands = manual.put_back(account.of_run(engine, run.id))
    said = notifier.notify_outcome(run, target, reason, topic, commands)
    account.record_outcome(engine, run, target, Outcome.FAILED, reason, said=said)
