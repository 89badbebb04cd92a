"""A run that ended without knowing whether its change took effect is closed by a later look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.ledger.gate import leases
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import seeds
from flows.canary_issue import canary_issue
from tasks.connections import settings
from tests.flows.reaping import recovery_of
from tests.flows.run_assertions import final, run_id_of

ROUTE = Route(seeds.ROUTE)

pytestmark = pytest.mark.usefixtures("upkeep")


@pytest.fixture(autouse=True)
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is over is soon known to be."""
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "0.3")
    settings.cache_clear()


def unverified(engine: sa.Engine, sandbox: SandboxControl, **fault: Any) -> UUID:
    """Switch a slow canary off where no read shows it."""
    seeds.slow_canary(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/disable", **fault))
    state = final(canary_issue, ROUTE, fix=CanaryFix.DISABLE, mode=Mode.AUTO)
    assert state.name == "Unverified", state.message
    run_id = run_id_of(state)
    assert leases.in_doubt(engine, 0) == [run_id]
    assert leases.in_doubt(engine, 60) == []
    return run_id


def test_what_took_effect_after_all_is_resolved(sandbox: SandboxControl, engine: sa.Engine) -> None:
    run_id = unverified(engine, sandbox, read_lag_seconds=600)
    sandbox.advance_clock(700)

    recovery_of(engine, run_id)

    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.RESOLVED, known.reason
    assert "has taken effect since" in (known.reason or "")
    assert [act.state for act in known.actions] == ["confirmed"]
    assert [each.path for each in sandbox.writes()] == ["/api/v1/canary/disable"]
    assert leases.in_doubt(engine, 0) == []


def test_what_never_took_effect_calls_a_person(sandbox: SandboxControl, engine: sa.Engine) -> None:
    run_id = unverified(engine, sandbox, drop_writes=True)

    recovery_of(engine, run_id)

    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert "A person must look" in (known.reason or "")
    assert "A person must look" in str([each.body for each in sandbox.slack_messages()])
    assert leases.in_doubt(engine, 0) == []
