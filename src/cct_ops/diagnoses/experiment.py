"""Decides if a chaos experiment may begin; its plan's faults end with the run or before it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, WithJsonSchema

from cct_ops.actions.chaos import InjectFault
from cct_ops.diagnoses.evidence import no_signal, not_asked, not_offered
from cct_ops.models.base import Frozen, duration
from cct_ops.models.cct import Health
from cct_ops.models.chaos import STAGING, ChaosMode, ChaosSeverity, Injection
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.journal import Sample, steady
from cct_ops.models.plan import ChangeHolds, Plan, Step
from cct_ops.models.run import Evidence, Outcome, Severity

PLAYBOOK = "chaos-experiment"
TARGET = "staging"

LONGEST_MINUTES = 30
# Forms and alerts ask for whole minutes; only a call from Python may ask for less than one.
Minutes = Annotated[
    float,
    Field(gt=0, le=LONGEST_MINUTES),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LONGEST_MINUTES}),
]


class ExperimentOptions(Frozen):
    """The options of a run; faults outlive the run's last sign of life by the lease."""

    mode: ChaosMode = ChaosMode.LATENCY
    severity: ChaosSeverity = ChaosSeverity.MILD
    minutes: float = Field(5, gt=0, le=30)
    fault_id: str
    lease_seconds: float = Field(gt=0)


class StagingFindings(Frozen):
    """The findings of the probes in staging; ``environment`` is None without a chaos API."""

    environment: str | None
    without: str = ""
    faults: tuple[str, ...] = ()
    health: Health | None = None
    baseline: tuple[Sample, ...] = ()

    @property
    def refusal(self) -> str | None:
        """Why nothing may be injected here now, or None."""
        if self.environment is None:
            return f"This CCT ignores chaos, so nothing was injected: {self.without}"
        if self.environment != STAGING:
            return f"This CCT says that it is {self.environment}: only {STAGING} may be hurt."
        if self.faults:
            return f"Faults are in effect already: {', '.join(self.faults)}."
        if not steady(self.baseline):
            bad = ", ".join(f"{each.path}: {each.seen}" for each in self.baseline)
            return f"It does not serve steadily before anything was injected ({bad})."
        return None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The facts, for the report."""
        return (
            not_offered("chaos/status", self.without)
            if self.environment is None
            else Evidence.of("chaos/status", self.environment, "Only staging may be hurt."),
            not_asked("chaos/faults")
            if self.environment != STAGING
            else Evidence.of("chaos/faults", ", ".join(self.faults) or "none", "In effect before."),
            *([] if self.health is None else [no_signal(self.health)]),
            *(
                Evidence.of(each.path, f"{each.seen} in {each.latency_ms:.0f} ms", "Before.")
                for each in self.baseline
            ),
        )


class ExperimentDiagnosis(Conclusion):
    """The refusal or the plan of an experiment; ``baseline`` is what it is compared with."""

    playbook: ClassVar[str] = PLAYBOOK
    outcome: Outcome = Outcome.BLOCKED

    target: str = TARGET
    severity: Severity = Severity.P2
    baseline: tuple[Sample, ...]

    @classmethod
    def of(cls, found: StagingFindings, options: ExperimentOptions) -> ExperimentDiagnosis:
        """Conclude from what the probes saw."""
        refusal = found.refusal
        return cls(
            headline=refusal or f"{TARGET} is steady and marked as such: the experiment may begin.",
            evidence=found.evidence,
            plan=None if refusal else _plan(options),
            baseline=found.baseline,
        )


def _plan(options: ExperimentOptions) -> Plan:
    injection = Injection.of(options.mode, options.severity)
    return Plan(
        playbook=PLAYBOOK,
        target=TARGET,
        summary=(
            f"Inject {injection.words}, for {duration(options.minutes * 60)}. Should the run die,"
            f" it ends {duration(options.lease_seconds)} after its last sign of life."
        ),
        blast_radius="Everybody who uses staging; production is never touched.",
        steps=(fault_step(injection, options.fault_id, options.minutes, options.lease_seconds),),
        steady_state=ChangeHolds(
            what="The faults are gone and it serves as before", watch_seconds=options.minutes * 60
        ),
        state={
            "mode": options.mode.value,
            "severity": options.severity.value,
            "minutes": options.minutes,
        },
    )


def fault_step(injection: Injection, fault_id: str, minutes: float, lease_seconds: float) -> Step:
    """Return the step that injects a fault which its run has to keep alive."""
    fault = InjectFault.of(injection, fault_id, minutes)
    return fault.step(fault.undo(), lasts_minutes=lease_seconds / 60)
