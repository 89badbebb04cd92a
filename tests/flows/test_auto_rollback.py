"""The auto-rollback playbook, from a rolled-back canary to a verified one, or to a reason why not."""

from __future__ import annotations

from flows.auto_rollback import auto_rollback

from cct_ops.models.cct import Route
from cct_ops.models.mode import Mode
from cct_ops.sandbox.control import SandboxControl

ROUTE = Route.PRE_MARKET_BRIEFING


def pulled(sandbox: SandboxControl) -> None:
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def test_auto_mode_repairs_a_canary_that_auto_rollback_pulled(sandbox: SandboxControl) -> None:
    pulled(sandbox)

    ended = auto_rollback(ROUTE, mode=Mode.AUTO, return_state=True)

    assert (ended.name, ended.type.value) == ("Resolved", "COMPLETED")
    assert sandbox.state().canary[ROUTE].enabled
