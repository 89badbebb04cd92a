"""A temporary change may last longer, within policy, and its old revert then does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import changes
from cct_ops.models.change import ChangeState
from cct_ops.sandbox.control import SandboxControl
from flows.extend_change import extend_change
from flows.revert_change import revert_change
from tests.flows.run_assertions import final
from tests.flows.upkeep import ended, run_of, weakened

pytestmark = pytest.mark.usefixtures("upkeep")


def test_an_extended_change_is_left_to_its_new_scheduled_revert(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine)

    state = final(extend_change, change.id, minutes=90)
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

    state = final(extend_change, change.id, minutes=91)

    assert "90 minutes in all" in (state.message or "")
    assert changes.read(engine, change.id).until == change.until


def test_an_extension_never_ends_a_change_earlier(engine: sa.Engine) -> None:
    """Who wants that ends it; a slip in the minutes must not."""
    change = weakened(engine)

    state = final(extend_change, change.id, minutes=1)

    assert ended(state) == ("Blocked", "FAILED")
    assert f"It lasts until {change.until:%Y-%m-%d %H:%M:%S} UTC" in (state.message or "")
    left = changes.read(engine, change.id)
    assert (left.until, left.scheduled_revert_id) == (change.until, change.scheduled_revert_id)


def test_the_command_lists_extends_and_ends(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    change = weakened(engine)

    app(["changes", "extend", str(change.id), "--minutes", "100"])
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
        app(["changes", "extend", str(change.id), "--minutes", "10"])
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
