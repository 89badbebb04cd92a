"""A playbook with a key that CCT refuses ends at once, and the next one does not try it again."""

from __future__ import annotations

import pytest

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from flows.auto_rollback import auto_rollback
from flows.canary_issue import canary_issue
from tasks.connections import settings
from tests.conftest import API_KEY
from tests.flows.run_assertions import final


@pytest.fixture(autouse=True)
def wrong_key(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CCT that locks whoever tries a wrong key too often."""
    sandbox.reset(limits=True)
    monkeypatch.setenv("X_API_KEY", "yesterdays-key")
    monkeypatch.setenv("CCT_OPS_REQUESTS_PER_MINUTE", "30")
    settings.cache_clear()


def run() -> str:
    """Run the playbook to its end; what people read of it."""
    state = final(canary_issue, Route.DAILY_SUMMARY)
    assert state.is_failed()
    return state.message or ""


def refused(sandbox: SandboxControl) -> list[int | None]:
    """The answers by which CCT refused something."""
    return [each.status for each in sandbox.requests() if (each.status or 0) >= 400]


def test_the_parallel_probes_of_all_runs_try_a_wrong_key_once(sandbox: SandboxControl) -> None:
    sandbox.roll_back(Route.DAILY_SUMMARY, "p95_latency_ms", observed=6200, threshold=5000)

    first = final(auto_rollback, Route.DAILY_SUMMARY)
    second = run()

    assert first.name == "Blocked"
    assert "X_API_KEY" in (first.message or "")
    assert "it is not sent again: set X_API_KEY" in second
    assert refused(sandbox) == [401]


def test_neither_is_it_tried_when_ccts_lock_would_be_over(sandbox: SandboxControl) -> None:
    run()
    sandbox.advance_clock(1000)
    run()

    assert refused(sandbox) == [401]


def test_the_key_that_takes_its_place_works_at_once(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setenv("X_API_KEY", API_KEY)
    settings.cache_clear()

    state = final(canary_issue, Route.DAILY_SUMMARY)

    assert state.name == "Nothing to do"
    assert refused(sandbox) == [401]
