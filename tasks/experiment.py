"""
An experiment from the injection to its verdict: faults are removed whatever happens.

The journal of a run that injects faults is in the ledger at once, and an artifact at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prefect.artifacts import create_markdown_artifact

from cct_ops import interrupts
from cct_ops.diagnoses.experiment import ExperimentDiagnosis, ExperimentOptions
from cct_ops.errors import NotPermitted
from cct_ops.gate import temporary
from cct_ops.ledger.record import journal
from cct_ops.models.base import duration
from cct_ops.models.chaos import ChaosMode, ChaosSeverity, Injection
from cct_ops.models.journal import Entry, ExperimentResult, Phase, Sample, classify, steady
from cct_ops.models.plan import Permit
from cct_ops.reports.journal import journal_page
from cct_ops.reports.render import artifact_key
from tasks.actions import perform_all
from tasks.authorise import executor
from tasks.connections import current_run, ledger, settings
from tasks.showing import Progress, showing
from tasks.staging import fault_id, missed_routes, recorded_breaches, sample
from tasks.verify import record


def note(
    phase: Phase,
    words: str,
    samples: tuple[Sample, ...] = (),
    *,
    missed: int | None = None,
    noticed: int | None = None,
) -> None:
    """Add a line to the journal of this run, with the present moment."""
    entry = Entry(
        at=datetime.now(UTC),
        phase=phase,
        note=words,
        samples=samples,
        missed=missed,
        noticed=noticed,
    )
    journal.write(ledger(), current_run().id, entry)


@contextmanager
def journal_shown(title: str) -> Iterator[None]:
    """Show the journal of this run as an artifact, however the run goes on."""
    run = current_run()
    try:
        yield
    finally:
        with showing("The journal"):
            create_markdown_artifact(
                key=artifact_key(run.playbook, "journal"),
                description=title,
                markdown=journal_page(title, journal.read(ledger(), run.id)),
            )


def observe(
    seconds: float, pause_seconds: float, look: Callable[[], bool], *, description: str
) -> bool:
    """
    Take a look again and again for so long, shown as a progress; ends early when one is True.

    The first look is taken at once, the last one at the end.
    """
    progress = Progress.of(description)
    began = time.monotonic()
    while True:
        done = min(1.0, (time.monotonic() - began) / seconds)
        found = look()
        progress.at(100.0 if found else done * 100)
        if found or done >= 1:
            return found
        interrupts.sleep(max(0.0, min(pause_seconds, began + seconds - time.monotonic())))


# Four requests a look: half of CCT's limit, so that others and our own changes have the rest.
LOOK_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0


def options_for(mode: ChaosMode, severity: ChaosSeverity, minutes: float) -> ExperimentOptions:
    """Return what this run was asked for."""
    return ExperimentOptions(
        mode=mode,
        severity=severity,
        minutes=minutes,
        fault_id=fault_id(),
        lease_seconds=settings().fault_lease_seconds,
    )


def conduct(
    permit: Permit, diagnosis: ExperimentDiagnosis, options: ExperimentOptions
) -> ExperimentResult:
    """
    Inject, watch, remove, see whether it recovers, and write down the verdict.

    If anything is raised on the way, the gate takes the faults back, also on a cancellation.
    """
    plan = diagnosis.plan
    if plan is None:
        raise NotPermitted("Nothing was injected: the diagnosis has no plan.")
    words = Injection.of(options.mode, options.severity).words
    with journal_shown(f"Chaos experiment, {words}"):
        known = recorded_breaches()
        note(Phase.BEFORE, "steady", diagnosis.baseline, missed=missed_routes())
        with temporary.keepalive(executor(), permit):
            perform_all(permit)
            note(Phase.INJECTED, words)
            observe(
                options.minutes * 60,
                LOOK_SECONDS,
                _look,
                description=f"{words}, for {duration(options.minutes * 60)}",
            )
            temporary.take_back(executor(), permit, plan)
        note(Phase.REMOVED, "all faults")
        _await_recovery(diagnosis, known)
        result = classify(journal.read(ledger(), current_run().id))
        note(Phase.VERDICT, f"{result.kind}: {result.why}")
    record(result.verification)
    return result


def _look() -> bool:
    """Take a look under faults; none of them ends the experiment early."""
    note(Phase.DURING, "under faults", sample(), missed=missed_routes())
    return False


def _await_recovery(diagnosis: ExperimentDiagnosis, known: frozenset[str] | None) -> None:
    """Look until it serves as before, for as long as CCT may take to settle."""
    until = time.monotonic() + settings().settle_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        samples = sample()
        recovered = steady(samples, diagnosis.baseline)
        last = bool(recovered) or time.monotonic() + pause > until
        now = recorded_breaches() if last and known is not None else None
        noticed = None if known is None or now is None else len(now - known)
        note(Phase.AFTER, "without faults", samples, noticed=noticed)
        if last:
            return
        interrupts.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
