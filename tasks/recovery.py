"""After a crash: lock the dead run out, look at what it had begun, and put it back."""

from __future__ import annotations

from contextlib import AbstractContextManager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound

from cct_ops.diagnoses.recovery import RecoveryDiagnosis, StepState
from cct_ops.gate import recovery
from cct_ops.ledger.gate import changes, crashed_runs
from cct_ops.models.crashed_run import BegunStep, CrashedRun
from cct_ops.models.run import Resolution
from cct_ops.models.topic import Topic
from tasks.authorise import executor
from tasks.connections import ledger
from tasks.diagnose import probe
from tasks.ending import notify_if_demoted
from tasks.report import report


def crashed_run(run_id: UUID) -> AbstractContextManager[tuple[CrashedRun, int]]:
    """Take the run for dead and hold the lock of its target, with a newer token than its own."""
    return recovery.locked_out(executor(), run_id, _name)


def diagnose_crash(crashed: CrashedRun) -> RecoveryDiagnosis:
    """Look at every step that was begun, and conclude what has to be put back."""
    return recovery.diagnose(executor(), crashed, probe_step)


@probe
def probe_step(begun: BegunStep) -> StepState:
    """See whether a begun step is in effect, and wait for it as long as CCT's reads may lag."""
    return recovery.look_at_step(executor(), begun)


def take_back(crashed: CrashedRun, token: int, diagnosis: RecoveryDiagnosis) -> None:
    """Carry out the way back, and note which temporary changes have thereby ended."""
    recovery.take_back(executor(), crashed, token, diagnosis)


def report_recovery(crashed: CrashedRun, diagnosis: RecoveryDiagnosis) -> State[Resolution]:
    """
    Give the account that the dead run could not give, and end this run with it.

    People are notified first: a dead run that has its account is not recovered again.
    """
    changes.drop_unmade(ledger(), crashed.run.id)
    state = report(diagnosis.outcome, diagnosis)
    crashed_runs.account_for(ledger(), crashed, diagnosis, diagnosis.outcome)
    needs_person = diagnosis.outcome.needs_attention
    topic = Topic.of(crashed.run, crashed.plan.target, diagnosis.outcome, needs_person=needs_person)
    notify_if_demoted(crashed.run, topic)
    return state


def _name(run_id: UUID) -> str:
    """Return the run's name in Prefect; the record outlives Prefect's own memory of it."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run_id).name
    except ObjectNotFound:
        return str(run_id)
