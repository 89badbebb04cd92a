"""Temporary changes: their end is arranged first, compared before it comes, and never lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from cct_ops.controller import changes as sweeper
from cct_ops.diagnoses.rollback_plan import Option
from cct_ops.errors import SteadyStateNotReached
from cct_ops.ledger.gate import changes, locks
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.run import Mode
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.auto_rollback import auto_rollback
from flows.revert_change import revert_change
from tasks.connections import settings
from tests.flows.run_assertions import final, known
from tests.flows.upkeep import (
    ANYTHING,
    LOOSER,
    OFF,
    ROUTE,
    deployed,
    ended,
    over,
    run_of,
    weakened,
    weakening,
)
from tests.people.notifier.threads import answers, heads, shown

pytestmark = pytest.mark.usefixtures("upkeep")


def revert(change: TemporaryChange, *, now: bool = False) -> State[Any]:
    """Be the scheduled revert."""
    return final(revert_change, change.id, now=now)


def test_a_change_ends_by_itself_with_the_values_from_before(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    before = sandbox.state().slo_thresholds
    change = weakened(engine, LOOSER)

    assert sandbox.state().slo_thresholds == before | {"p95_latency_ms": 9000}
    assert (change.state, change.open) == (ChangeState.ACTIVE, True)
    run = run_of(change.scheduled_revert_id)
    assert (run.state_name, run.parameters) == ("Scheduled", {"change_id": str(change.id)})
    assert run.next_scheduled_start_time == change.until
    assert run.name.startswith("Takes back: canaries pulled beyond p95 9000 ms, errors ")
    assert run.name.endswith(f"{change.until:%H:%M} UTC")

    over(engine, change)
    assert ended(revert(change)) == ("Resolved", "COMPLETED")

    assert sandbox.state().slo_thresholds == before
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    assert ended(revert(change)) == ("Nothing to do", "COMPLETED")
    assert len(sandbox.writes()) == 2


def test_nothing_is_changed_unless_its_end_is_arranged(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Prefect does not take the scheduled revert, so CCT is not touched."""
    reverts = deployed("revert-change")
    reverts.delete(reverts.deploy(ANYTHING))

    state = final(weakening, OFF)

    assert "knows no deployment revert-change" in (state.message or "")
    assert sandbox.writes() == []
    assert [change.state for change in changes.listed(engine, ended=True)] == [ChangeState.NOT_MADE]


def test_a_change_can_be_ended_early(sandbox: SandboxControl, engine: sa.Engine) -> None:
    assert ended(revert(weakened(engine), now=True)) == ("Resolved", "COMPLETED")

    assert sandbox.state().auto_rollback_enabled


def test_what_somebody_changed_since_is_left_and_reported(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine, LOOSER)
    sandbox.by_hand("canary/config", {"slo_thresholds": {"p95_latency_ms": 7000}})

    assert ended(revert(change, now=True)) == ("Void", "FAILED")

    assert sandbox.state().slo_thresholds["p95_latency_ms"] == 7000
    assert changes.read(engine, change.id).state is ChangeState.LEFT
    assert "left as it is" in str(sandbox.slack_messages()[-1].body)


def test_what_is_back_already_was_reverted_by_cct(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine)
    sandbox.by_hand("canary/enable-auto-rollback")
    writes = len(sandbox.writes())

    assert ended(revert(change, now=True)) == ("Nothing to do", "COMPLETED")

    assert len(sandbox.writes()) == writes
    assert changes.read(engine, change.id).state is ChangeState.REVERTED_BY_CCT


def test_a_change_that_is_undone_with_its_run_needs_no_scheduled_revert(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    final(weakening, OFF, fails=True)

    assert sandbox.state().auto_rollback_enabled
    (change,) = changes.listed(engine, ended=True)
    assert change.state is ChangeState.REVERTED


def test_a_revert_waits_for_the_target_and_is_not_lost(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run has the lock for too long: the change stays open, for the next revert."""
    change = weakened(engine)
    monkeypatch.setenv("CCT_OPS_LOCK_WAIT_SECONDS", "0")
    settings.cache_clear()
    assert locks.acquire(engine, change.target, uuid4(), seconds=60) is not None

    state = revert(change, now=True)

    assert "Another run was changing" in (state.message or "")
    assert changes.read(engine, change.id).open


@pytest.mark.usefixtures("bot")
def test_the_sweep_replaces_a_lost_scheduled_revert_and_reports_what_is_overdue(
    sandbox: SandboxControl, engine: sa.Engine, policy: Path
) -> None:
    """
    The run is gone from Prefect; a scheduled revert that is still on its way is not doubled.

    How it ends is reported where it was reported that it is overdue.
    """
    alarming = (
        "playbooks:\n  auto-rollback: {{ceiling: auto, targets: [canary/config]}}\n"
        "temporary_changes: {{longest_minutes: 240, alarm_after_minutes: {}}}\n"
    )
    policy.write_text(alarming.format(30))
    change = weakened(engine)
    over(engine, change, minutes_ago=10)
    with get_client(sync_client=True) as client:
        client.delete_flow_run(run_of(change.scheduled_revert_id).id)

    woken = [sweeper.sweep(engine, settings(), Notifier.of(engine, settings())) for _ in range(2)]

    assert woken == [1, 0]
    again = changes.read(engine, change.id)
    assert again.scheduled_revert_id not in {None, change.scheduled_revert_id}
    assert sandbox.slack_messages() == [], "policy is more patient than that"
    policy.write_text(alarming.format(5))
    for _ in range(2):
        sweeper.sweep(engine, settings(), Notifier.of(engine, settings()))
    (head,) = heads(sandbox)
    (answer,) = answers(sandbox, head)
    assert "Overdue: disable_auto_rollback" in answer["text"]
    assert f"```cct-ops changes end {change.id}```" in shown(answer)

    assert ended(revert(again)) == ("Resolved", "COMPLETED")
    (head,) = heads(sandbox)
    assert head["text"].startswith(":white_check_mark: Resolved: revert-change on ")
    assert len(answers(sandbox, head)) == 2


def test_a_scheduled_revert_for_later_begins_at_once_for_what_is_due_now(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Somebody ended it early and that run died: the one for the planned time is an hour away."""
    change = weakened(engine)
    assert changes.claim_revert(engine, change.id, early=True)

    assert sweeper.sweep(engine, settings(), Notifier(engine), grace_seconds=0) == 1

    assert changes.read(engine, change.id).scheduled_revert_id == change.scheduled_revert_id
    begins = run_of(change.scheduled_revert_id).next_scheduled_start_time
    assert begins is not None
    assert begins < datetime.now(UTC)


def test_a_dead_cct_leaves_the_change_open_for_the_next_scheduled_revert(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """A write that stores nothing is no revert."""
    change = weakened(engine)
    sandbox.faults(Fault(drop_writes=True))

    state = revert(change, now=True)

    assert state.name == "Unverified"
    assert "did not take effect" in (state.message or "")
    assert "It is looked at again" in (state.message or "")
    assert changes.read(engine, change.id).state is ChangeState.REVERTING
    sandbox.clear_faults()
    assert ended(revert(change)) == ("Resolved", "COMPLETED")


def test_a_change_that_no_read_shows_yet_is_not_taken_for_one_that_was_never_made(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would stay for good: stored, and its end called off."""
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "0.5")
    settings.cache_clear()
    sandbox.faults(Fault(read_lag_seconds=5))
    with pytest.raises(SteadyStateNotReached):
        weakening(OFF)
    (change,) = changes.listed(engine)
    assert change.state is ChangeState.SCHEDULED
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "60")
    settings.cache_clear()
    sandbox.clear_faults()

    state = revert(change, now=True)

    assert ended(state) == ("Resolved", "COMPLETED"), state.message
    assert sandbox.state().auto_rollback_enabled


@pytest.mark.parametrize("minutes", [30, 240])
def test_policy_limits_how_long_a_weakening_lasts(
    sandbox: SandboxControl, engine: sa.Engine, policy: Path, minutes: int
) -> None:
    policy.write_text(
        "playbooks:\n  auto-rollback: {ceiling: auto, targets: [canary/config]}\n"
        "temporary_changes: {longest_minutes: 60, alarm_after_minutes: 5}\n"
    )

    option = Option.DISABLE_AUTO_ROLLBACK
    state = final(auto_rollback, ROUTE, mode=Mode.AUTO, option=option, minutes=minutes)

    if minutes > 60:
        assert ended(state) == ("Blocked", "FAILED")
        assert "60 minutes at most" in (state.message or "")
    else:
        # Within policy it is a person's decision, and this run cannot wait for one.
        assert "Approve mode needs a run that can be suspended" in (state.message or "")
    assert sandbox.writes() == []


def test_the_playbook_says_what_a_weakening_would_do(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    raised = Option.RAISE_THRESHOLDS
    state = final(auto_rollback, ROUTE, raised, mode=Mode.OBSERVE, error_rate_percent=9)

    assert ended(state) == ("Recommended", "COMPLETED")
    (decision,) = known(engine, state).decisions
    (step,) = decision.plan.steps
    assert step.call.arguments["error_rate_percent"] == 9
    assert step.undo is not None
    assert step.undo.arguments == sandbox.state().slo_thresholds
    assert step.lasts_minutes == 60
    assert sandbox.writes() == []
