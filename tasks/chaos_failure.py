"""The remains of a chaos test: seen, stopped, and tested again."""

from __future__ import annotations

import time
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from cct_ops import interrupts
from cct_ops.clients import deployments
from cct_ops.diagnoses import experiment
from cct_ops.diagnoses.chaos_failure import (
    PLAYBOOK,
    ChaosFailureDiagnosis,
    FailureFindings,
    PastExperiment,
    Setup,
)
from cct_ops.errors import BadConfiguration, Unsupported
from cct_ops.ledger.gate import changes, leases
from cct_ops.ledger.record import account, journal
from cct_ops.models.change import TemporaryChange
from cct_ops.models.chaos import KEPT_BY_THEIR_RUN, ChaosMode, ChaosSeverity
from cct_ops.models.journal import Phase
from cct_ops.models.run import Mode, lowest
from tasks.authorise import gate
from tasks.connections import current_run, ledger, reader, settings
from tasks.deployment import probe_deployment
from tasks.diagnose import probe, probe_call, probe_health
from tasks.experiment import note
from tasks.reversion import end_change

POLL_SECONDS = 1.0


def diagnose_chaos(run_id: UUID | None) -> ChaosFailureDiagnosis:
    """Look at what is going on, and at the journal of that experiment or else the newest."""
    core = probe_call(as_canary=False)
    health = probe_health()
    running = _running()
    faults = probe_faults()
    ours = {change.call.arguments.get("fault_id") for change in running}
    return ChaosFailureDiagnosis.of(
        FailureFindings(
            running=tuple(f"{change.call} of run {change.run_id}" for change in running),
            strangers=tuple(fault for fault in faults or () if fault not in ours),
            chaos_offered=faults is not None,
            health=health,
            core=f"core function answers {core.seen}",
            core_works=core.well,
            experiment=past_experiment(run_id),
            deployment=probe_deployment(),
        )
    )


@probe
def probe_faults() -> tuple[str, ...] | None:
    """Read which faults are in effect; None where this CCT has none to offer."""
    try:
        with reader() as cct:
            return tuple(fault.id for fault in cct.chaos_faults())
    except Unsupported:
        return None


def past_experiment(run_id: UUID | None) -> PastExperiment | None:
    """
    Return what the ledger knows about an experiment: its parameters, its journal, its end.

    Raises ``BadConfiguration`` for a run that is named and was no experiment.
    """
    named = run_id is not None
    run_id = run_id or journal.newest_experiment(ledger(), experiment.PLAYBOOK)
    if run_id is None:
        return None
    known = account.of_run(ledger(), run_id)
    entries = journal.read(ledger(), run_id)
    if named and not (entries or known.decisions or known.outcome):
        raise BadConfiguration(f"The ledger knows no experiment {run_id}: nothing was stopped.")
    state = known.decisions[-1].plan.state if known.decisions else {}
    setup = None
    if {"mode", "severity", "minutes"} <= state.keys():
        setup = Setup(
            chaos=ChaosMode(str(state["mode"])),
            severity=ChaosSeverity(str(state["severity"])),
            minutes=float(state["minutes"]),
        )
    ended = f"{known.outcome}. {known.reason}" if known.outcome else "it has not ended"
    return PastExperiment(run_id=run_id, setup=setup, ended=ended, entries=entries)


def may_act(mode: Mode) -> bool:
    """Say whether more than looking was asked for, and policy allows it."""
    ceiling = gate().policy.ceiling(PLAYBOOK)
    return lowest(mode, ceiling) is not Mode.OBSERVE


def stop_experiments() -> None:
    """
    Cancel the runs that inject faults, and end what they do not take back themselves.

    Ending a fault is never stopped by a guard and asks nobody. A cancelled run takes its own faults
    back; one that shows no sign of life is not waited for.
    """
    for change in _running():
        _cancel(change.run_id)
    for change in _running():
        until = time.monotonic() + settings().settle_seconds
        while _lives(change.run_id) and time.monotonic() < until:
            seen = changes.read(ledger(), change.id)
            if not seen.open or changes.seconds_left(ledger(), change.id) <= 0:
                break
            interrupts.sleep(POLL_SECONDS)
        end_change(changes.read(ledger(), change.id), early=True)


def start_retest(setup: Setup, mode: Mode, run_id: UUID | None) -> UUID:
    """
    Start the experiment again as a run of its own, which passes the gate by itself.

    Whoever does an incident's work anew, because this run died, starts no second one.
    """
    run = current_run()
    tested = run_id or journal.newest_experiment(ledger(), experiment.PLAYBOOK)
    note(Phase.ORDERED, f"start {experiment.PLAYBOOK} with {setup.words}")
    return deployments.start(
        experiment.PLAYBOOK,
        {
            "chaos": setup.chaos.value,
            "severity": setup.severity.value,
            "minutes": setup.minutes,
            "mode": mode.value,
        },
        key=f"retest|{run.incident_id or run.id}|{tested}",
        tags=[f"target:{experiment.TARGET}"],
    )


def _running() -> list[TemporaryChange]:
    return [each for each in changes.listed(ledger()) if each.playbook in KEPT_BY_THEIR_RUN]


def _lives(run_id: UUID) -> bool:
    over = leases.seconds_over(ledger(), run_id)
    return over is not None and over < 0


def _cancel(run_id: UUID) -> None:
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(run_id)
        except ObjectNotFound:
            return
        if run.state is not None and not run.state.is_final():
            # Before it is asked for: no permit has a trace of it.
            note(Phase.ORDERED, f"cancel run {run.name}")
            client.set_flow_run_state(run_id, Cancelling(message="Stopped by chaos-failure."))
