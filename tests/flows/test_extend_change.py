"""A temporary change may last longer, within policy, and its old revert then does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.controller.approvals import sweep
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.tables import approvals as approval_rows
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.record import account
from cct_ops.sandbox.control import SandboxControl
from flows.extend_change import extend_change
from flows.revert_change import revert_change
from tests.approvals.parts import asked, new_run
from tests.flows.deployment_run import deployment_run
from tests.flows.run_assertions import final
from tests.flows.upkeep import ANYTHING, deployed, ended, run_of, weakened

WHY = "The release is not out yet"

pytestmark = pytest.mark.usefixtures("upkeep")


def test_an_extended_change_is_left_to_its_new_scheduled_revert(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine)

    state = final(extend_change, change.id, minutes=90, reason=WHY)
    woken = final(revert_change, change.id)

    extended = changes.read(engine, change.id)
    assert ended(state) == ("Resolved", "COMPLETED")
    assert extended.until > change.until
    assert extended.scheduled_revert_id != change.scheduled_revert_id
    assert run_of(extended.scheduled_revert_id).next_scheduled_start_time == extended.until
    assert ended(woken) == ("Nothing to do", "COMPLETED")
    assert not sandbox.state().auto_rollback_enabled


def test_an_extension_stays_within_policy(engine: sa.Engine, policy: Path) -> None:
    """The longest time counts from the beginning, so that nothing is extended for ever."""
    policy.write_text(
        "playbooks:\n  auto-rollback: {ceiling: auto, targets: [canary/config]}\n"
        "temporary_changes: {longest_minutes: 90, alarm_after_minutes: 5}\n"
    )
    change = weakened(engine)

    state = final(extend_change, change.id, minutes=91, reason=WHY)

    assert "90 minutes in all" in (state.message or "")
    assert changes.read(engine, change.id).until == change.until


def test_an_extension_never_ends_a_change_earlier(engine: sa.Engine) -> None:
    """Who wants that ends it; a slip in the minutes must not."""
    change = weakened(engine)

    state = final(extend_change, change.id, minutes=1, reason=WHY)

    assert ended(state) == ("Blocked", "FAILED")
    assert f"It lasts until {change.until:%Y-%m-%d %H:%M:%S} UTC" in (state.message or "")
    left = changes.read(engine, change.id)
    assert (left.until, left.scheduled_revert_id) == (change.until, change.scheduled_revert_id)


def test_the_command_lists_extends_and_ends(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    change = weakened(engine)

    app(["changes", "extend", str(change.id), "--minutes", "100", "--reason", WHY])
    app(["changes"])
    app(["changes", "end", str(change.id), "--wait", "0"])  # nothing works on its run

    printed = "".join(capsys.readouterr().out.split())
    assert str(change.call) in printed
    assert changes.read(engine, change.id).until > change.until
    scheduled_revert = run_of(changes.read(engine, change.id).scheduled_revert_id)
    assert scheduled_revert.parameters == {"change_id": str(change.id), "now": True}
    state = final(revert_change, **scheduled_revert.parameters)
    assert ended(state) == ("Resolved", "COMPLETED")
    with pytest.raises(NotPermitted, match="it is reverted"):
        app(["changes", "extend", str(change.id), "--minutes", "10", "--reason", WHY])
    assert changes.read(engine, change.id).state is ChangeState.REVERTED


@pytest.fixture
def approved(engine: sa.Engine) -> TemporaryChange:
    """A change that persons said yes to."""
    change = weakened(engine)
    made_by_a_yes(engine, change)
    return change


def made_by_a_yes(engine: sa.Engine, change: TemporaryChange, persons: int = 1) -> None:
    """Let the run that made the change have been approved."""
    asked(engine, new_run(change.run_id), persons=persons)
    with engine.begin() as tx:
        over = {"state": "approved", "approver": "Incident lead", "used_at": sa.func.now()}
        tx.execute(sa.update(approval_rows).values(**over, settled_at=sa.func.now()))


def test_what_took_a_yes_takes_a_yes_again(engine: sa.Engine, approved: TemporaryChange) -> None:
    given = {"change_id": str(approved.id), "minutes": 90, "reason": WHY}
    with deployment_run(engine, "extend-change", ["started-by:anna"], **given) as run:
        assert run.work() == "Suspended"
        assert changes.read(engine, approved.id).until == approved.until
        request = run.approval()
        assert (request.persons, request.started_by) == (1, "anna")
        assert request.headline.endswith(f"is to last 90 minutes from now: {WHY}.")
        run.approve()

        assert run.work() == "Resolved"

    assert changes.read(engine, approved.id).until > approved.until
    told = account.read(engine, approved.run_id)
    assert told is not None
    (entry,) = [each for each in told.entries if "was extended until" in each.text]
    assert entry.actor.name == "anna, approved by On-call engineer"


def test_as_many_as_said_yes_say_it_again_and_a_no_leaves_the_end(engine: sa.Engine) -> None:
    change = weakened(engine)
    made_by_a_yes(engine, change, persons=2)
    given = {"change_id": str(change.id), "minutes": 90, "reason": WHY}
    with deployment_run(engine, "extend-change", **given) as run:
        assert run.work() == "Suspended"
        assert run.approval().persons == 2
        run.say("lead", yes=False)
        assert sweep(engine) == 1

        assert run.work() == "Declined"

    assert changes.read(engine, change.id).until == change.until


def test_a_yes_that_comes_after_the_end_extends_nothing(
    engine: sa.Engine, approved: TemporaryChange
) -> None:
    given = {"change_id": str(approved.id), "minutes": 90, "reason": WHY}
    with deployment_run(engine, "extend-change", **given) as run:
        assert run.work() == "Suspended"
        changes.finish(engine, approved.id, ChangeState.REVERTED, "It was time.")
        run.approve()

        assert run.work() == "Blocked"
        assert "it is reverted" in (run.run().state.message or "")  # type: ignore[union-attr]


def test_the_command_asks_for_the_yes_that_it_takes(
    engine: sa.Engine, approved: TemporaryChange, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed("extend-change").deploy(ANYTHING)

    app(["changes", "extend", str(approved.id), "--minutes", "90", "--reason", WHY])

    assert "It takes a yes again: run " in capsys.readouterr().out
    assert changes.read(engine, approved.id).until == approved.until
    with pytest.raises(NotPermitted, match="in all"):
        app(["changes", "extend", str(approved.id), "--minutes", "1440", "--reason", WHY])
