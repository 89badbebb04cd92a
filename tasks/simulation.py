"""A simulated breach from its look to its verdict; what it enabled is put back whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, field

from cct_ops.diagnoses.slo_simulation import (
    Scenario,
    SimulationDiagnosis,
    SimulationFindings,
    SimulationOptions,
    verdict,
)
from cct_ops.errors import ContractBroken, NotPermitted, Unavailable
from cct_ops.gate import temporary
from cct_ops.models.base import counted, duration
from cct_ops.models.cct import RollbackEvent, Route
from cct_ops.models.chaos import ChaosSeverity
from cct_ops.models.journal import Phase
from cct_ops.models.plan import Permit
from tasks.actions import perform_all
from tasks.authorise import executor
from tasks.connections import reader, settings
from tasks.diagnose import probe_canary, probe_rollbacks, probe_rules
from tasks.experiment import LOOK_SECONDS, journal_shown, note, observe
from tasks.staging import fault_id, probe_staging
from tasks.verify import record


def options_for(
    scenario: Scenario, severity: ChaosSeverity, minutes: float, share: float
) -> SimulationOptions:
    """Return what this run was asked for."""
    return SimulationOptions(
        scenario=scenario,
        severity=severity,
        minutes=minutes,
        share=share,
        fault_id=fault_id(),
        lease_seconds=settings().fault_lease_seconds,
    )


def diagnose_simulation(target: Route, options: SimulationOptions) -> SimulationDiagnosis:
    """
    Look whether the simulation may begin, and conclude.

    Raises ``ContractBroken`` when CCT does not list the route.
    """
    staging = probe_staging()
    if staging.refusal is not None:
        return SimulationDiagnosis.of(target, SimulationFindings(staging=staging), options)
    canaries = probe_canary().routes
    canary = canaries.get(target)
    if canary is None:
        raise ContractBroken(f"GET canary/status does not list {target}.")
    others = tuple(
        sorted(name for name, each in canaries.items() if each.serves and name != target)
    )
    found = SimulationFindings(staging=staging, canary=canary, others=others, rules=probe_rules())
    return SimulationDiagnosis.of(target, found, options)


def simulate(permit: Permit, diagnosis: SimulationDiagnosis) -> None:
    """
    Let the canary breach, watch for a rollback, put all back, and write down the verdict.

    If anything is raised on the way, the gate puts all back, also on a cancellation.
    """
    plan, injection, minutes = diagnosis.plan, diagnosis.injection, diagnosis.minutes
    if plan is None or injection is None:
        raise NotPermitted("Nothing was changed: the diagnosis has no plan.")
    target = diagnosis.target
    with journal_shown(f"Simulated breach of {target}, {injection.words}"):
        rollbacks = _Rollbacks(target, frozenset(each.id for each in probe_rollbacks()))
        note(Phase.BEFORE, f"{counted(len(rollbacks.known), 'rollback')} on record")
        with temporary.keepalive(executor(), permit):
            perform_all(permit)
            note(Phase.INJECTED, injection.words)
            observe(
                minutes * 60,
                LOOK_SECONDS,
                rollbacks.seen,
                description=f"{injection.words} on {target}, {duration(minutes * 60)} at most",
            )
            temporary.take_back(executor(), permit, plan)
        note(Phase.REMOVED, "all faults; the canary is as before")
        judged = verdict(target, minutes, rollbacks.found)
        note(Phase.VERDICT, judged.reason)
    record(judged)


@dataclass
class _Rollbacks:
    """The look for a rollback that was not known before; CCT's own clock does not matter."""

    target: Route
    known: frozenset[str]
    found: RollbackEvent | None = field(default=None)

    def seen(self) -> bool:
        """Look once; whether the rollback has come."""
        try:
            with reader() as cct:
                events = cct.canary_rollbacks()
                traffic = cct.canary_metrics().routes.get(self.target)
        except Unavailable as error:
            note(Phase.DURING, f"this look says nothing: {error}")
            return False
        new = [
            event
            for event in events
            if event.endpoint == self.target
            and event.id not in self.known
            and event.rollback_action.executed
        ]
        self.found = new[-1] if new else None
        canary = traffic.canary if traffic else None
        seen = "no traffic is measured"
        if canary is not None:
            seen = (
                f"{canary.sample_size} canary requests, p95 {canary.p95_latency_ms:g} ms, errors"
                f" {canary.error_rate_percent:g} %, available {canary.availability_percent:g} %"
            )
        if self.found is not None:
            seen = f"rolled back: {self.found.reason}"
        note(Phase.DURING, seen)
        return self.found is not None
