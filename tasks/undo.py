"""Undo: what a run had begun is taken back in reverse, and it is said loudly where that fails."""

from __future__ import annotations

from prefect import get_run_logger

from cct_ops.errors import OpsError
from cct_ops.ledger import changes, leases, permits, record
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from cct_ops.models.topic import Topic
from cct_ops.reports import manual
from tasks.connections import current_run, ledger
from tasks.notify import tell_outcome
from tasks.restore import put_all_back


def put_back(
    diagnosis: Diagnosis, plan: Plan, permit: Permit, error: BaseException, mode: Mode
) -> None:
    """
    Undo what was begun on ``permit``, under the lock that it was begun under.

    That the undo failed is a decision in the ledger and a note on ``error``; the report tells
    people. A run that was taken for dead leaves it to its recovery, which has the lock by then;
    what it may have sent too late for that one to see, a person must look at.
    """
    run = current_run()
    steps = plan.steps[: permits.begun(ledger(), permit)]
    if not steps:
        return
    if leases.reaped(ledger(), run.id):
        error.add_note("This run was taken for dead: its recovery puts back what it had begun.")
        late = permits.in_doubt(ledger(), permit)
        if late:
            _too_late(run, plan.target, ", ".join(map(str, late)))
        return

    cause = str(error) or type(error).__name__
    calls = [step.undo for step in reversed(steps) if step.undo is not None]
    undoing = f"Undoing {', '.join(map(str, calls))}" if calls else "Nothing of it can be undone"
    get_run_logger().warning("%s: %s", undoing, cause)
    verdict, reason = Outcome.UNDONE.value, f"{cause} The change was undone." if calls else cause
    try:
        put_all_back(plan, calls, permit.fencing_token)
    except OpsError as failure:
        verdict, reason = record.UNDO_FAILED, f"{cause} The undo failed as well: {failure}"
    else:
        for call in calls:
            changes.undone(ledger(), run.id, call)
    lasting = [str(step.call) for step in steps if step.undo is None]
    if lasting:
        verdict = record.UNDO_FAILED
        reason += f" What cannot be undone: {', '.join(lasting)}."
    if verdict == record.UNDO_FAILED:
        error.add_note(reason)
    with ledger().begin() as tx:
        record.decide(tx, diagnosis, plan, run=run, mode=mode, verdict=verdict, reason=reason)


def _too_late(run: Run, target: str, calls: str) -> None:
    """Correct the account of a run that slept between its last check and its last call."""
    reason = (
        f"It was taken for dead and may have sent this only when it woke up, after its recovery had"
        f" looked: {calls}. A person must look."
    )
    topic = Topic.of(run, target, Outcome.FAILED, needs_person=True)
    commands = manual.put_back(record.of_run(ledger(), run.id))
    tell_outcome(run, target, Outcome.FAILED, reason, topic, commands)
    record.conclude(ledger(), run, target, Outcome.FAILED, reason)
