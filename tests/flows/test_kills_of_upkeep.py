"""Whoever takes a change back or extends it may die anywhere: it is taken back once, in the end."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.controller import changes as sweeper
from cct_ops.ledger.gate import changes, locks
from cct_ops.ledger.record import account
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.run import Outcome
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import seeds, truths
from flows.recover import recover
from tasks.connections import settings
from tests.flows.crash_harness import EVERY_CRASH_POINT, CrashHarness, killed_at
from tests.flows.kill_triggers import CHANGES, CONFIRMED, INTENDED, On, Trigger
from tests.flows.reaping import reap
from tests.flows.run_assertions import final
from tests.flows.upkeep import ANYTHING, deployed, over, pending, run_of, weakened, woken

pytestmark = pytest.mark.usefixtures("upkeep")

# A change is written to at its beginning, once it is read back, and at its end.
REVERTING = {
    "locked": Trigger(statement="INSERT INTO target_locks"),
    "begun": Trigger(statement=CHANGES),
    "permitted": Trigger(statement="INSERT INTO permits"),
    "intended": Trigger(statement=INTENDED),
    "applied, not answered": Trigger(On.SILENCE),
    "answered": Trigger(On.ANSWER),
    "confirmed": Trigger(statement=CONFIRMED),
    "ended": Trigger(statement=CHANGES, nth=3),
    "notified, no account": Trigger(On.NOTICE),
    "concluded": Trigger(statement="INSERT INTO resolutions"),
}
# Before or after it has its new scheduled revert.
EXTENDING = {"extended": Trigger(statement=CHANGES), "woken": Trigger(statement=CHANGES, nth=2)}
RECOVERING = {
    "locked": Trigger(statement="INSERT INTO target_locks"),
    "permitted": Trigger(statement="INSERT INTO permits"),
    "intended": Trigger(statement=INTENDED),
    "applied, not answered": Trigger(On.SILENCE),
    "answered": Trigger(On.ANSWER),
    "confirmed": Trigger(statement=CONFIRMED),
    "notified": Trigger(On.NOTICE),
    "decided": Trigger(statement="INSERT INTO decisions"),
    "concluded": Trigger(
        statement="INSERT INTO resolutions", nth=2
    ),  # the first is its own account
}
RECOVERIES = list(RECOVERING) if EVERY_CRASH_POINT else ["applied, not answered"]


def taken_back(engine: sa.Engine, change: TemporaryChange) -> None:
    """Sweep, and be the worker that picks up the scheduled revert, if that is needed."""
    notifier = Notifier.of(engine, settings())
    if sweeper.sweep(engine, settings(), notifier, grace_seconds=0):
        woken(engine, change.id)
    assert sweeper.sweep(engine, settings(), notifier, grace_seconds=0) == 0


@pytest.mark.parametrize("place", REVERTING)
def test_a_killed_revert_is_made_once(
    place: str,
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    short_lease: dict[str, str],
) -> None:
    change = weakened(engine)
    over(engine, change)
    run_id = pending("revert-change", {"change_id": str(change.id)}, tag="upkeep")
    killed_at(REVERTING[place], "revert-change", run_id, sandbox, harness, short_lease)

    assert reap(engine, run_id) is None
    taken_back(engine, change)

    assert sandbox.state().auto_rollback_enabled
    writes = ["POST canary/disable-auto-rollback", "POST canary/enable-auto-rollback"]
    assert truths.writes(sandbox) == writes
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    known = account.of_run(engine, run_id)
    assert known.outcome is (Outcome.RESOLVED if place == "concluded" else Outcome.FAILED)
    assert ("before it had changed anything" in (known.reason or "")) == (not known.actions)
    assert locks.acquire(engine, change.target, uuid4(), seconds=60) is not None


@pytest.mark.parametrize("place", EXTENDING)
def test_a_killed_extension_holds_and_ends_all_the_same(
    place: str,
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    short_lease: dict[str, str],
) -> None:
    """The sweep finds what is over either way."""
    change = weakened(engine)
    longer = {"change_id": str(change.id), "minutes": 90, "reason": "Not out yet"}
    run_id = pending("extend-change", longer, tag="upkeep")
    killed_at(EXTENDING[place], "extend-change", run_id, sandbox, harness, short_lease)

    extended = changes.read(engine, change.id)
    assert extended.until > change.until
    over(engine, extended)
    taken_back(engine, change)

    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    assert sandbox.state().auto_rollback_enabled


@pytest.mark.parametrize("place", RECOVERIES)
def test_what_a_killed_recovery_left_is_recovered_by_the_next(
    place: str,
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    short_lease: dict[str, str],
) -> None:
    seeds.recovered_canary(sandbox)
    options = {"target": seeds.ROUTE.value, "option": "restore", "mode": "auto"}
    dead = pending("auto-rollback", options)
    killed_at(Trigger(statement=CONFIRMED), "auto-rollback", dead, sandbox, harness, short_lease)
    deployed("recover").deploy(ANYTHING, tags=["upkeep"])
    first = reap(engine, dead)
    assert first is not None
    killed_at(RECOVERING[place], "recover", first, sandbox, harness, short_lease)

    second = reap(engine, dead, but=first)
    assert (second == first) == (place == "concluded")  # then nobody has to come back
    if second != first:
        state = final(recover, dead)
        assert state.name == "Undone", state.message
    reap(engine, dead)  # whoever looks later finds nothing to do
    assert reap(engine, first) is None

    assert truths.writes(sandbox) == ["POST canary/reset", "POST canary/disable"]
    assert not sandbox.state().routes[seeds.ROUTE].enabled
    assert account.of_run(engine, dead).outcome is Outcome.UNDONE
    assert run_of(first).state_name == "Crashed"
    assert locks.acquire(engine, seeds.ROUTE, uuid4(), seconds=60) is not None
