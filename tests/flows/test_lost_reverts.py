"""A scheduled revert that comes to nothing is followed by another one, and not at once."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Failed, Pending, Running

from cct_ops.controller import changes as sweeper
from cct_ops.ledger.gate import changes, leases
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from tasks.connections import settings
from tests.flows.upkeep import over, run_of, weakened

pytestmark = pytest.mark.usefixtures("upkeep")


def test_a_scheduled_revert_that_ended_in_vain_is_followed_by_another_only_after_a_pause(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Each of them notifies people that it failed; what is gone is replaced at once."""
    change = weakened(engine)
    over(engine, change, minutes_ago=10)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_of(change.scheduled_revert_id).id, Failed(), force=True)
        sweep = partial(sweeper.sweep, engine, settings(), Notifier(engine))
        assert [sweep(grace_seconds=60), sweep(grace_seconds=0)] == [0, 1]
        again = changes.read(engine, change.id)
        client.set_flow_run_state(run_of(again.scheduled_revert_id).id, Failed(), force=True)
        assert sweep(grace_seconds=60) == 0
        client.delete_flow_run(run_of(again.scheduled_revert_id).id)
        assert sweep(grace_seconds=60) == 1


def due_with(engine: sa.Engine, state: State[Any]) -> UUID:
    """Let a change be due whose scheduled revert is in this state; returns that one."""
    change = weakened(engine)
    over(engine, change)
    assert change.scheduled_revert_id is not None
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(change.scheduled_revert_id, state, force=True)
    return change.scheduled_revert_id


def test_a_scheduled_revert_that_nobody_begins_is_not_waited_for(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever took it is gone; that it never ends is seen much later."""
    revert_id = due_with(engine, Pending())
    sweep = partial(sweeper.sweep, engine, settings(), Notifier(engine), grace_seconds=0)
    assert sweep() == 0
    monkeypatch.setattr(sweeper, "PENDING_SECONDS", 0.0)
    assert sweep() == 1
    (now,) = changes.listed(engine)
    assert now.scheduled_revert_id != revert_id


def test_a_revert_that_died_is_not_waited_for_although_prefect_has_it_for_at_work(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Its worker has moved it on after its end."""
    revert_id = due_with(engine, Running())
    sweep = partial(sweeper.sweep, engine, settings(), Notifier(engine), grace_seconds=0)
    assert sweep() == 0

    assert leases.reap(engine, revert_id)

    assert sweep() == 1
    (now,) = changes.listed(engine)
    assert now.scheduled_revert_id != revert_id
