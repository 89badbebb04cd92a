"""What shows that a change was made, that it was refused, or that nobody can say."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.ledger.gate import track_record
from cct_ops.models.autonomy import TargetClass
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import seeds
from flows.auto_rollback import auto_rollback
from flows.canary_issue import canary_issue
from tasks.connections import settings
from tests.flows.run_assertions import final, known

ROUTE = Route(seeds.ROUTE)


def disable(mode: Mode = Mode.AUTO) -> State[Any]:
    """Take the canary out of traffic, which is what the diagnosis of a slow one calls for."""
    return final(canary_issue, ROUTE, fix=CanaryFix.DISABLE, mode=mode)


# Put the canary back that auto-rollback pulled.
restore = partial(final, auto_rollback, ROUTE, mode=Mode.AUTO)


def pulled(sandbox: SandboxControl) -> None:
    """A canary that auto-rollback pulled, for a reason that is over."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def writes(sandbox: SandboxControl) -> list[str]:
    """What asked for a change, in order; a fault may have refused it."""
    return [
        request.path.removeprefix("/api/v1/")
        for request in sandbox.requests()
        if request.method == "POST" and "canary/" in request.path
    ]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE, Mode.AUTO])
def test_what_holds_already_is_nothing_to_do_and_nobody_is_asked(
    sandbox: SandboxControl, engine: sa.Engine, mode: Mode
) -> None:
    """Not even where writes store nothing: a read-back would have shown the same before."""
    sandbox.faults(Fault(path="/api/v1/canary/", drop_writes=True))

    ended = disable(mode)

    assert ended.name == "Nothing to do", ended.message
    assert "canary off" in known(engine, ended).reason  # type: ignore[operator]
    assert writes(sandbox) == []


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_refused_write_is_reported_in_ccts_words_and_nothing_is_undone(
    sandbox: SandboxControl, engine: sa.Engine, status: int
) -> None:
    pulled(sandbox)
    sandbox.faults(
        Fault(path="/api/v1/canary/reset", error_status=status),
        Fault(path="/api/v1/canary/disable", error_status=status),
    )

    ended = known(engine, restore())

    assert ended.outcome is Outcome.FAILED
    reason = ended.reason or ""
    assert f"answered {status}" in reason
    assert "Injected by the sandbox" in reason
    assert "Nothing of it is in effect, so nothing had to be undone" in reason
    assert "was undone" not in reason
    assert writes(sandbox) == ["canary/reset"]
    assert [act.state for act in ended.actions] == ["not done"]
    assert "answered" in str(sandbox.slack_messages()[-1].body)


def test_a_refused_write_is_no_bad_fix(sandbox: SandboxControl, engine: sa.Engine) -> None:
    """It says nothing of the playbook, which may go on as before."""
    pulled(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/reset", error_status=500))
    restore()
    sandbox.clear_faults()

    with engine.connect() as tx:
        found = track_record.of(
            tx,
            "auto-rollback",
            TargetClass(name=ROUTE, patterns=(ROUTE,)),
            recurs_within_hours=1,
            clean_since=None,
        )
    again = restore()

    assert (found.harmful, found.ineffective) == (None, None)
    assert again.name == "Resolved", again.message


def test_a_write_that_stores_nothing_is_reported_as_that(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    pulled(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/", drop_writes=True))

    ended = known(engine, restore())

    assert ended.outcome is Outcome.FAILED
    assert "Either it stored nothing, or somebody changed it since" in (ended.reason or "")
    assert "canary off" in (ended.reason or "")
    assert writes(sandbox) == ["canary/reset"]
    assert [act.state for act in ended.actions] == ["without effect"]


def test_a_read_that_lags_for_as_long_as_it_may_is_waited_for(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look is one that began when no read may lag any more."""
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "6")
    settings.cache_clear()
    seeds.slow_canary(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/disable", read_lag_seconds=5))

    ended = known(engine, disable())

    assert ended.outcome is Outcome.RESOLVED, ended.reason


@pytest.mark.parametrize("fault", [{"read_lag_seconds": 600}, {"drop_writes": True}])
def test_a_canary_that_was_switched_off_is_never_switched_on_for_want_of_a_confirmation(
    sandbox: SandboxControl, engine: sa.Engine, fault: dict[str, Any]
) -> None:
    seeds.slow_canary(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/disable", **fault))

    ended = known(engine, disable())

    assert ended.outcome is Outcome.UNVERIFIED, ended.reason
    assert "It is not taken back, because it lowers risk" in (ended.reason or "")
    assert writes(sandbox) == ["canary/disable"]


@pytest.mark.parametrize("answer", [{"apply_then_hang": True}, {"apply_then_status": 500}])
def test_a_write_that_was_made_and_not_well_answered_is_looked_at_and_stands(
    sandbox: SandboxControl,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
) -> None:
    monkeypatch.setenv("CCT_OPS_REQUEST_TIMEOUT_SECONDS", "1")
    settings.cache_clear()
    pulled(sandbox)
    sandbox.faults(Fault(path="/api/v1/canary/reset", **answer))

    ended = known(engine, restore())

    assert ended.outcome is Outcome.RESOLVED, ended.reason
    assert [act.state for act in ended.actions] == ["confirmed"]


def test_traffic_from_before_a_reset_does_not_show_what_came_of_it(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """The canary is at its share and gets another: a reset that is not stored resolves nothing."""
    sandbox.set_canary(ROUTE, 20)
    sandbox.profile(ROUTE, canary_gets_percent=50)
    sandbox.advance_clock(600)
    sandbox.faults(Fault(path="/api/v1/canary/reset", drop_writes=True))

    ended = known(engine, final(canary_issue, ROUTE, mode=Mode.AUTO))

    assert ended.outcome is Outcome.UNVERIFIED, ended.reason
    assert "as before the change" in (ended.reason or "")
