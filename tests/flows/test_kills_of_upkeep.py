"""Whoever takes a change back or extends it may die anywhere: it is taken back once, in the end."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Pending

from cct_ops.dispatcher import changes as sweeper
from cct_ops.ledger import changes, locks, record
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.outcome import Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.voice import Voice
from flows.revert_change import revert_change
from tasks.connections import settings
from tests.dispatcher.running import Playbook
from tests.flows import faulty
from tests.flows.dying import Mortal, killed_at
from tests.flows.reaping import reap
from tests.flows.traps import CONFIRMED, INTENDED, On, Trap
from tests.flows.upkeep import ANYTHING, over, run_of, weakened

pytestmark = pytest.mark.usefixtures("upkeep")

# It is written to at its beginning, once it is read back, and at its end.
CHANGES = "UPDATE temporary_changes"
REVERTING = {
    "locked": Trap(statement="INSERT INTO target_locks"),
    "begun": Trap(statement=CHANGES),
    "permitted": Trap(statement="INSERT INTO permits"),
    "intended": Trap(statement=INTENDED),
    "applied, not answered": Trap(On.SILENCE),
    "answered": Trap(On.ANSWER),
    "confirmed": Trap(statement=CONFIRMED),
    "ended": Trap(statement=CHANGES, nth=3),
    "told, no account": Trap(On.NOTICE),
}


def queued(prefect_api_url: str, playbook: str, change: TemporaryChange, **more: object) -> UUID:
    """Make the run that a worker would pick up."""
    deployment = Playbook(prefect_api_url, playbook).deploy(ANYTHING, tags=["upkeep"])
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(
            deployment, parameters={"change_id": str(change.id), **more}, state=Pending()
        ).id


def taken_back(engine: sa.Engine, change: TemporaryChange) -> None:
    """Sweep, and be the worker that picks up the wake-up, if that is needed."""
    voice = Voice.of(engine, settings())
    if sweeper.sweep(engine, settings(), voice, grace_seconds=0):
        wake_up = run_of(changes.read(engine, change.id).wake_up_id)
        assert wake_up.parameters == {"change_id": str(change.id)}
        state: State[Any] = revert_change(change.id, return_state=True)
        assert state.is_completed(), state.message
    assert sweeper.sweep(engine, settings(), voice, grace_seconds=0) == 0


@pytest.mark.parametrize("place", REVERTING)
def test_a_killed_revert_is_made_once(
    place: str,
    sandbox: SandboxControl,
    engine: sa.Engine,
    everybody: Mortal,
    soon_dead: dict[str, str],
    prefect_api_url: str,
) -> None:
    change = weakened(engine)
    over(engine, change)
    run_id = queued(prefect_api_url, "revert-change", change)
    killed_at(REVERTING[place], "revert-change", run_id, sandbox, everybody, soon_dead)

    assert reap(engine, run_id) is None
    taken_back(engine, change)

    assert sandbox.state().auto_rollback_enabled
    writes = ["POST canary/disable-auto-rollback", "POST canary/enable-auto-rollback"]
    assert faulty.writes(sandbox) == writes
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    known = record.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert ("before it had changed anything" in (known.reason or "")) == (not known.actions)
    assert locks.acquire(engine, change.target, uuid4(), seconds=60) is not None


@pytest.mark.parametrize("nth", [1, 2])
def test_a_killed_extension_holds_and_ends_all_the_same(
    nth: int,
    sandbox: SandboxControl,
    engine: sa.Engine,
    everybody: Mortal,
    soon_dead: dict[str, str],
    prefect_api_url: str,
) -> None:
    """Killed before or after it has its new wake-up; the sweep finds what is over either way."""
    change = weakened(engine)
    run_id = queued(prefect_api_url, "extend-change", change, minutes=90)
    trap = Trap(statement=CHANGES, nth=nth)
    killed_at(trap, "extend-change", run_id, sandbox, everybody, soon_dead)

    extended = changes.read(engine, change.id)
    assert extended.until > change.until
    over(engine, extended)
    taken_back(engine, change)

    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    assert sandbox.state().auto_rollback_enabled
