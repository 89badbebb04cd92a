"""
A breach of objectives on purpose, to see whether auto-rollback really pulls the canary.

What is injected must be worse than the limits that CCT goes by at the moment, with what it forgives
a canary; else nothing could be pulled and the simulation would prove nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from cct_ops.actions.canary import as_configured
from cct_ops.diagnoses.evidence import not_asked
from cct_ops.diagnoses.experiment import StagingFindings, fault_step
from cct_ops.models.base import Frozen, duration
from cct_ops.models.cct import CanaryConfig, CanaryRules, RollbackEvent, RollbackThresholds, Route
from cct_ops.models.chaos import ChaosMode, ChaosSeverity, Injection
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import ChangeHolds, Plan
from cct_ops.models.run import Evidence, Outcome, Severity
from cct_ops.models.verification import Verdict, Verification

PLAYBOOK = "slo-breach-simulation"
# What CCT's policy forgives a canary, and by how much the injected level goes beyond all of it.
FORGIVEN_LATENCY, FORGIVEN_ERRORS, BEYOND = 1.5, 2.0, 1.5

Share = Annotated[float, Field(gt=0, le=50, json_schema_extra={"title": "Share (%)"})]


class Scenario(StrEnum):
    """Which objective is breached."""

    LATENCY = "latency"
    ERROR_RATE = "error-rate"
    AVAILABILITY = "availability"


class SimulationOptions(Frozen):
    """The options of a run; faults outlive it by the lease."""

    scenario: Scenario = Scenario.LATENCY
    severity: ChaosSeverity = ChaosSeverity.MODERATE
    minutes: float = Field(10, gt=0, le=30)
    share: float = Field(20, gt=0, le=50)
    fault_id: str
    lease_seconds: float = Field(gt=0)


class SimulationFindings(Frozen):
    """The findings of the probes; without staging nothing else was read."""

    staging: StagingFindings
    canary: CanaryConfig | None = None
    others: tuple[str, ...] = ()
    """The other routes whose canaries serve: the fault reaches their pages, too."""
    rules: CanaryRules | None = None


class SimulationDiagnosis(Conclusion):
    """The refusal or the plan of a simulation; the plan also restores everything."""

    playbook: ClassVar[str] = PLAYBOOK
    outcome: Outcome = Outcome.BLOCKED

    target: Route
    severity: Severity = Severity.P2
    injection: Injection | None
    minutes: float

    @classmethod
    def of(
        cls, target: Route, found: SimulationFindings, options: SimulationOptions
    ) -> SimulationDiagnosis:
        """Conclude from what the probes saw."""
        refusal, canary, rules = found.staging.refusal, found.canary, found.rules
        if refusal is None and rules is not None and not rules.auto_rollback.enabled:
            refusal = "Auto-rollback is off, so nothing would pull a canary that breaches."
        if refusal is None and found.others:
            refusal = (
                "The fault reaches every page of staging, so CCT would pull the canaries of others"
                f" that serve: {', '.join(found.others)}. Switch them off there first."
            )
        injection = plan = None
        if refusal is None and canary is not None and rules is not None:
            injection = breach(options.scenario, options.severity, rules.slo_thresholds)
            plan = _plan(target, canary, injection, options)
        return cls(
            target=target,
            headline=refusal or f"The canary of {target} can be made to breach its objectives.",
            evidence=(
                *found.staging.evidence,
                not_asked("canary/status")
                if canary is None
                else Evidence.of("canary/status", canary.shown, "It is put back to that."),
            ),
            plan=plan,
            injection=injection,
            minutes=options.minutes,
        )


def breach(scenario: Scenario, severity: ChaosSeverity, limits: RollbackThresholds) -> Injection:
    """Return what is surely beyond both the script's level and the limits of auto-rollback."""
    level = _LEVELS[severity]
    if scenario is Scenario.LATENCY:
        worst = max(level.p95_latency_ms, limits.p95_latency_ms * FORGIVEN_LATENCY)
        return Injection(mode=ChaosMode.LATENCY, latency_ms=min(worst * BEYOND, 60_000))
    if scenario is Scenario.ERROR_RATE:
        worst = max(level.error_rate_percent, limits.error_rate_percent * FORGIVEN_ERRORS)
        return Injection(mode=ChaosMode.KV_PARTIAL, error_percent=min(worst * BEYOND, 100))
    worst = 100 - min(level.availability_percent, limits.availability_percent)
    return Injection(mode=ChaosMode.CIRCUIT_BREAKER, timeout_percent=min(worst * BEYOND, 100))


def verdict(target: Route, minutes: float, event: RollbackEvent | None) -> Verification:
    """Judge the simulation: only a rollback that was really seen counts."""
    if event is None:
        return Verification(
            verdict=Verdict.BROKEN,
            reason=(
                f"No rollback of {target} was seen within {duration(minutes * 60)} of the breach."
            ),
        )
    return Verification(
        verdict=Verdict.HOLDS,
        reason=f"CCT rolled {target} back at {event.timestamp:%H:%M:%S} UTC: {event.reason}.",
    )


_LEVELS = {
    ChaosSeverity.MILD: RollbackThresholds(
        p95_latency_ms=2000, error_rate_percent=1, availability_percent=97
    ),
    ChaosSeverity.MODERATE: RollbackThresholds(
        p95_latency_ms=3000, error_rate_percent=2, availability_percent=95
    ),
    ChaosSeverity.SEVERE: RollbackThresholds(
        p95_latency_ms=5000, error_rate_percent=5, availability_percent=90
    ),
}


def _plan(
    target: Route, canary: CanaryConfig, injection: Injection, options: SimulationOptions
) -> Plan:
    """Switch the canary on (one that serves stays as it is), then inject; undone in reverse."""
    on = canary if canary.serves else CanaryConfig(enabled=True, percentage=options.share)
    switch = as_configured(target, on)
    lease_minutes = options.lease_seconds / 60
    return Plan(
        playbook=PLAYBOOK,
        target=target,
        summary=(
            f"Give the canary of {target} {on.percentage:g} % in staging, inject"
            f" {injection.words} for up to {duration(options.minutes * 60)} until CCT pulls it, and"
            f" put all back. Should the run die, that happens {duration(options.lease_seconds)}"
            " after its last sign of life."
        ),
        blast_radius="Everybody who uses staging; production is never touched.",
        steps=(
            switch.step(switch.undo(canary), lasts_minutes=lease_minutes),
            fault_step(injection, options.fault_id, options.minutes, options.lease_seconds),
        ),
        steady_state=ChangeHolds(
            what="CCT has rolled the canary back, and all is as before",
            watch_seconds=options.minutes * 60,
        ),
        state={
            "scenario": options.scenario.value,
            "severity": options.severity.value,
            "minutes": options.minutes,
            "canary": canary.shown,
        },
    )
