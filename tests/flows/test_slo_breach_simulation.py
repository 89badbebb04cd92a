"""The slo-breach-simulation playbook: only a rollback that was seen counts, and all is put back."""

from __future__ import annotations

import inspect
from functools import partial

import pytest

from cct_ops.diagnoses.slo_simulation import Scenario
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from flows.slo_breach_simulation import slo_breach_simulation
from tests.flows.run_assertions import final
from tests.flows.upkeep import ended

pytestmark = pytest.mark.usefixtures("upkeep")

ROUTE = Route.DAILY_SUMMARY

# For three seconds at most.
run = partial(final, slo_breach_simulation, ROUTE, minutes=0.05, mode=Mode.AUTO)


def test_the_sandbox_pulls_what_breaches_within_what_is_asked_for_by_default(
    sandbox: SandboxControl,
) -> None:
    """Nobody has to wake its auto-rollback first."""
    sandbox.set_canary(ROUTE, 20)
    slow = {"id": "slow", "mode": "latency", "latency_ms": 9000, "error_percent": 0}
    sandbox.by_hand("chaos/faults", {**slow, "timeout_percent": 0, "ttl_seconds": 600})
    default_minutes = inspect.signature(slo_breach_simulation.fn).parameters["minutes"].default

    sandbox.advance_clock(default_minutes * 60 / 2)

    sandbox.by_hand("canary/simulate", {"route": ROUTE})
    assert sandbox.state().rollbacks == 1


def test_a_rollback_is_seen_and_the_canary_is_as_it_was(sandbox: SandboxControl) -> None:
    sandbox.chaos(rolls_back_after_seconds=1)
    sandbox.set_canary(ROUTE, 30)

    found = run(scenario=Scenario.AVAILABILITY)

    assert ended(found) == ("Resolved", "COMPLETED"), found.message
    assert "CCT rolled /daily-summary back" in (found.message or "")
    state = sandbox.state()
    assert state.chaos_faults == ()
    assert (state.rollbacks, state.routes[ROUTE].percentage) == (1, 30)


def test_without_auto_rollback_there_is_nothing_to_see(sandbox: SandboxControl) -> None:
    sandbox.by_hand("canary/disable-auto-rollback")

    found = run()

    assert ended(found) == ("Blocked", "FAILED")
    assert "Auto-rollback is off" in (found.message or "")


def test_canaries_of_others_that_the_fault_would_reach_are_not_sacrificed(
    sandbox: SandboxControl,
) -> None:
    sandbox.set_canary(Route.WEEKLY_REVIEW, 20)
    before = sandbox.writes()

    found = run()

    assert ended(found) == ("Blocked", "FAILED")
    assert "/weekly-review" in (found.message or "")
    assert sandbox.writes() == before


def test_a_cct_that_ignores_chaos_is_left_alone(sandbox: SandboxControl) -> None:
    sandbox.reset(dialect="bare", limits=False)

    found = run()

    assert "This CCT ignores chaos" in (found.message or "")
    assert sandbox.writes() == []
