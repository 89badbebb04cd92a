"""Why a chaos test failed, whether anything of it is still going on, and how to test again."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from cct_ops.diagnoses.deployment import Deployment
from cct_ops.diagnoses.evidence import no_signal, not_offered
from cct_ops.diagnoses.experiment import TARGET
from cct_ops.models.base import Frozen, duration
from cct_ops.models.cct import Health
from cct_ops.models.chaos import ChaosMode, ChaosSeverity
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.journal import Entry, FailureKind, classify
from cct_ops.models.run import Evidence, Outcome, Severity

PLAYBOOK = "chaos-failure"
# A first retest is short; whoever has seen it pass may test longer.
RETEST_MINUTES = 3.0


class Retest(StrEnum):
    """The way to run the test again: only recommended, or started as a run of its own."""

    PROPOSE = "propose"
    RUN = "run"


class Setup(Frozen):
    """The parameters of an experiment."""

    chaos: ChaosMode
    severity: ChaosSeverity
    minutes: float

    @property
    def words(self) -> str:
        """Say them in a few words."""
        return f"{self.chaos} {self.severity} for {duration(self.minutes * 60)}"


class PastExperiment(Frozen):
    """An experiment in the ledger; ``setup`` is None where its plan is of an older kind."""

    run_id: UUID
    setup: Setup | None
    ended: str
    entries: tuple[Entry, ...]


class FailureFindings(Frozen):
    """
    The findings of the probes.

    ``running`` are temporary changes of ours that are still open, ``strangers`` faults in CCT that
    none of them is about.
    """

    running: tuple[str, ...]
    strangers: tuple[str, ...]
    chaos_offered: bool
    health: Health
    core: str
    core_works: bool
    experiment: PastExperiment | None
    deployment: Deployment


class ChaosFailureDiagnosis(Conclusion):
    """The kind of failure, what is still going on, and the retest that fits; it changes nothing."""

    playbook: ClassVar[str] = PLAYBOOK

    target: str = TARGET
    kind: FailureKind
    retest: Setup | None
    quiet: bool
    works: bool

    @classmethod
    def of(cls, found: FailureFindings) -> ChaosFailureDiagnosis:
        """Conclude from what the probes saw; the same findings always give the same diagnosis."""
        works = found.core_works
        kind, why = _kind(found, works=works)
        retest = _retest(found.experiment, kind)
        going_on = [*found.running, *found.strangers]
        parts = [f"{kind.value}: {why}"]
        if found.experiment is None and kind is FailureKind.UNFINISHED:
            parts = ["The ledger knows of no experiment, so there is no failure to name."]
        if not found.chaos_offered:
            parts.append("This CCT ignores chaos, so no fault can be in effect.")
        if going_on:
            parts.append(f"Still in effect: {', '.join(going_on)}.")
        if retest is not None:
            parts.append(f"Test again with {retest.words}.")
        return cls(
            kind=kind,
            headline=" ".join(parts),
            severity=Severity.P1 if going_on or not works else Severity.P2,
            evidence=_evidence(found),
            retest=retest,
            quiet=not going_on,
            works=works,
            outcome=Outcome.RECOMMENDED if going_on or not works else Outcome.NOTHING_TO_DO,
        )

    @property
    def outcome_of_acting(self) -> Outcome:
        """The outcome of a run that has stopped something before it saw this."""
        return Outcome.RESOLVED if self.quiet and self.works else Outcome.UNVERIFIED


def _kind(found: FailureFindings, *, works: bool) -> tuple[FailureKind, str]:
    """Name the failure; how it is now weighs more than what the journal saw last."""
    quiet = not found.running and not found.strangers
    if quiet and not works:
        return FailureKind.NOT_RECOVERED, f"no fault is in effect, and {found.core}."
    if found.experiment is None:
        return FailureKind.UNFINISHED, "the ledger knows of no experiment."
    journal = classify(found.experiment.entries)
    if journal.kind is FailureKind.NOT_RECOVERED and quiet and works:
        return FailureKind.NOT_RECOVERED, f"{journal.why} By now it serves again."
    return journal.kind, journal.why


def _retest(experiment: PastExperiment | None, kind: FailureKind) -> Setup | None:
    """Return the test that shows more; what does not recover is mended before it is tested."""
    setup = experiment.setup if experiment else None
    if setup is None or kind in {FailureKind.NOT_RECOVERED, FailureKind.NONE}:
        return None
    severity = setup.severity.milder if kind is FailureKind.TOO_SEVERE else setup.severity
    return Setup(chaos=setup.chaos, severity=severity, minutes=min(setup.minutes, RETEST_MINUTES))


def _evidence(found: FailureFindings) -> tuple[Evidence, ...]:
    experiment = found.experiment
    setup = experiment.setup if experiment else None
    said = "none" if experiment is None else f"run {experiment.run_id}: {experiment.ended}"
    return (
        no_signal(found.health),
        Evidence.of("data/symbols", found.core, "Core function."),
        Evidence.of(
            "temporary changes",
            ", ".join(found.running) or "none open",
            "Experiments of ours that are still going on.",
        ),
        Evidence.of(
            "chaos/faults",
            ", ".join(found.strangers) or "no others",
            "Faults in effect that no experiment of ours is about: remove them by hand.",
        )
        if found.chaos_offered
        else not_offered("chaos/faults", "No fault can be in effect."),
        *found.deployment.evidence,
        Evidence.of("ledger", said, f"Chaos parameters: {setup.words if setup else 'unknown'}."),
        *(
            Evidence.of(
                "journal",
                f"{entry.at:%H:%M:%S} {entry.phase}: {entry.note}",
                ", ".join(f"{each.path} {each.seen}" for each in entry.samples) or "-",
            )
            for entry in (experiment.entries if experiment else ())[-10:]
        ),
    )
