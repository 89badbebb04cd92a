"""The canary-issue playbook: each of the runbook's issues seeded, found and put right."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import seeds
from flows.canary_issue import canary_issue
from tests.flows.run_assertions import final

ROUTE = Route.DAILY_SUMMARY

run = partial(final, canary_issue, ROUTE, mode=Mode.AUTO)


def serve(sandbox: SandboxControl, **profile: Any) -> None:
    """Put the canary on at 20 %, and let it serve for ten minutes."""
    sandbox.set_canary(ROUTE, 20)
    sandbox.profile(ROUTE, **profile)
    sandbox.advance_clock(600)


def test_a_split_that_a_reset_does_not_mend_is_undone(sandbox: SandboxControl) -> None:
    """The splitter stays broken: no canary request is ever seen, so nothing is claimed."""
    serve(sandbox, canary_gets_percent=0)

    ended = run()

    assert ended.is_failed()
    assert ended.name == "Unverified", ended.message


def test_a_reset_that_cct_does_not_store_is_not_believed(sandbox: SandboxControl) -> None:
    """The canary was on before, at another share: that it is on says nothing."""
    seeds.wrong_share(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/reset", drop_writes=True))

    ended = run(fix=CanaryFix.RESET)

    assert "did not take effect" in (ended.message or "")
    assert "canary on at 35 %, configured for 20 %" in (ended.message or "")


def test_a_conflict_that_only_marked_calls_meet_is_found(sandbox: SandboxControl) -> None:
    serve(sandbox)
    sandbox.faults(Fault(path="/api/v1/data/symbols", header="X-Canary-Test", error_status=500))

    ended = run(mode=Mode.OBSERVE)

    assert ended.name == "Recommended"
    assert sandbox.writes() == []


def test_a_healthy_canary_needs_nothing(sandbox: SandboxControl) -> None:
    serve(sandbox)

    assert run().name == "Nothing to do"
    assert sandbox.writes() == []


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.AUTO])
def test_a_cct_without_admin_api_gets_one_sentence(sandbox: SandboxControl, mode: Mode) -> None:
    sandbox.reset(dialect="bare", limits=False)

    ended = run(mode=mode)

    assert "This CCT has no" in (ended.message or "")
    assert sandbox.writes() == []
