"""What is injected breaches for certain, and all of it is put back."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.experiment import StagingFindings
from cct_ops.diagnoses.slo_simulation import (
    Scenario,
    SimulationDiagnosis,
    SimulationFindings,
    SimulationOptions,
    breach,
)
from cct_ops.models.cct import AutoRollback, CanaryConfig, CanaryRules, RollbackThresholds, Route
from cct_ops.models.chaos import ChaosSeverity
from cct_ops.models.journal import Result, Sample

ROUTE = Route.DAILY_SUMMARY
LIMITS = RollbackThresholds(p95_latency_ms=3000, error_rate_percent=2, availability_percent=95)
LOOSE = RollbackThresholds(p95_latency_ms=9000, error_rate_percent=10, availability_percent=80)
OFF = CanaryConfig(enabled=False, percentage=0)
STEADY = StagingFindings(
    environment="staging",
    baseline=(Sample(path="p", result=Result.GOOD, latency_ms=9, seen="200"),),
)


def of(canary: CanaryConfig, *, on: bool = True) -> SimulationDiagnosis:
    """Conclude for a steady staging system."""
    rules = CanaryRules(slo_thresholds=LIMITS, auto_rollback=AutoRollback(enabled=on))
    found = SimulationFindings(staging=STEADY, canary=canary, rules=rules)
    return SimulationDiagnosis.of(ROUTE, found, SimulationOptions(fault_id="f", lease_seconds=20))


@pytest.mark.parametrize("limits", [LIMITS, LOOSE])
@pytest.mark.parametrize("severity", list(ChaosSeverity))
def test_what_is_injected_is_beyond_what_a_canary_is_forgiven(
    limits: RollbackThresholds, severity: ChaosSeverity
) -> None:
    slow = breach(Scenario.LATENCY, severity, limits)
    failing = breach(Scenario.ERROR_RATE, severity, limits)
    gone = breach(Scenario.AVAILABILITY, severity, limits)

    assert slow.latency_ms > limits.p95_latency_ms * 1.5
    assert failing.error_percent > limits.error_rate_percent * 2
    assert 100 - gone.timeout_percent < limits.availability_percent


def test_a_canary_that_is_off_gets_a_share_and_is_switched_off_again() -> None:
    plan = of(OFF).plan

    assert plan is not None
    assert [call.method for call in plan.calls] == ["set_canary", "inject_fault"]
    assert [call.method for call in plan.undo_calls] == ["remove_fault", "disable_canary"]
    assert plan.calls[0].arguments["percentage"] == 20


def test_a_canary_that_serves_keeps_its_share_and_its_lists() -> None:
    canary = CanaryConfig(enabled=True, percentage=5, whitelist=("ip:10.0.0.1",))
    plan = of(canary).plan

    assert plan is not None
    assert plan.calls[0] == plan.undo_calls[-1]
    assert plan.calls[0].arguments["whitelist"] == "ip:10.0.0.1"


def test_without_auto_rollback_there_is_no_plan() -> None:
    assert of(OFF, on=False).plan is None
