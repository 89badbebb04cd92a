"""After a crash: lock the dead run out, look at what it had begun, and put it back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound

from cct_ops.errors import NotPermitted
from cct_ops.ledger import changes, record, wrecks
from cct_ops.models.outcome import Outcome, Resolution
from cct_ops.models.plan import Step
from cct_ops.models.recovery import Begun, Finding, RecoveryDiagnosis, Wreck
from cct_ops.models.topic import Topic
from tasks.actions import look_at
from tasks.carry_out import FIRST_LOOK_SECONDS
from tasks.connections import ledger, settings
from tasks.diagnose import probe
from tasks.report import report, tell_if_it_fell
from tasks.restore import holding, put_all_back


@contextmanager
def wreck_of(run_id: UUID) -> Iterator[tuple[Wreck, int]]:
    """
    Take the run for dead and hold the lock of its target, with a newer token than its own.

    One that ended without knowing whether its change took effect is looked at like a dead one.
    Raises ``NotPermitted`` when the run shows signs of life, or never changed anything.
    """
    known = record.of_run(ledger(), run_id)
    if known.outcome not in {None, Outcome.FAILED} and not known.in_doubt:
        raise NotPermitted(f"Run {run_id} ended by itself: {known.outcome}. {known.reason}")
    wreck = wrecks.of_run(ledger(), run_id, _name(run_id))
    with holding(wreck.plan.target, dead_run_id=run_id) as token:
        yield wreck, token


def diagnose_wreck(wreck: Wreck) -> RecoveryDiagnosis:
    """
    Look at every step that was begun, and conclude what has to be put back.

    A temporary change that the dead run itself had taken back has ended; one that may yet take
    effect keeps its end.
    """
    findings = tuple(probe_step(begun) for begun in wreck.begun)
    for found in findings:
        undo = found.begun.step.undo
        if found.undone and found.begun.confirmed and undo is not None:
            changes.undone(ledger(), wreck.run.id, undo)
    return RecoveryDiagnosis.of(wreck, findings)


@probe
def probe_step(begun: Begun) -> Finding:
    """
    See whether a begun step is in effect, and wait for it as long as CCT's reads may lag.

    Raises ``Unavailable`` when CCT does not say: then nothing is known, and nothing is sent.
    """
    age = wrecks.seconds_since_intent(ledger(), begun.permit_id)
    until = time.monotonic() + max(0.0, settings().settle_seconds - age)
    while True:
        sighting = look_at(begun.step.call)
        undone = not sighting.took_effect and _as_before(begun.step)
        if sighting.took_effect or time.monotonic() >= until:
            break
        time.sleep(FIRST_LOOK_SECONDS)
    if sighting.took_effect and not begun.confirmed:
        wrecks.confirm(ledger(), begun)
    return Finding(
        begun=begun,
        in_effect=sighting.took_effect,
        undone=undone,
        seen=sighting.seen,
    )


def take_back(wreck: Wreck, token: int, diagnosis: RecoveryDiagnosis) -> None:
    """Carry out the way back, and note which temporary changes have thereby ended."""
    if diagnosis.plan is None:
        return
    put_all_back(diagnosis.plan, diagnosis.calls, token)
    for call in diagnosis.calls:
        changes.undone(ledger(), wreck.run.id, call)


def report_recovery(wreck: Wreck, diagnosis: RecoveryDiagnosis) -> State[Resolution]:
    """
    Give the account that the dead run could not give, and end this run with it.

    People are told first: a dead run that has its account is not recovered again.
    """
    changes.drop_unmade(ledger(), wreck.run.id)
    state = report(diagnosis.outcome, diagnosis)
    wrecks.account_for(ledger(), wreck, diagnosis)
    needs_person = diagnosis.outcome.needs_attention
    topic = Topic.of(wreck.run, wreck.plan.target, diagnosis.outcome, needs_person=needs_person)
    tell_if_it_fell(wreck.run, topic)
    return state


def _as_before(step: Step) -> bool:
    """Say whether all is as it was; what has no undo and is not in effect never happened."""
    return step.undo is None or look_at(step.undo).took_effect


def _name(run_id: UUID) -> str:
    """Return the run's name in Prefect; the record outlives Prefect's own memory of it."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run_id).name
    except ObjectNotFound:
        return str(run_id)
