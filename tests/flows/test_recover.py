"""
A playbook whose process is killed at any step boundary ends exactly once.

It is put back, or its account is given, or a person is called; never is it half done in silence,
and never is a change made twice.
"""

from __future__ import annotations

import os
import signal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import State

from cct_ops.ledger.gate import leases, locks
from cct_ops.ledger.gate.tables import actions, permits, run_leases, target_locks
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.recover import recover
from tasks.connections import settings
from tests.flows.crash_harness import CrashHarness
from tests.flows.reaping import reap, recovery_of
from tests.flows.run_assertions import final
from tests.flows.upkeep import ROUTE, ended
from tests.stack.polling import eventually

pytestmark = pytest.mark.usefixtures("upkeep")

NEVER = "no such statement"


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> dict[str, str]:
    """The environment of a child, and a canary that auto-rollback pulled."""
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "1")
    monkeypatch.setenv("CCT_OPS_WATCH_SECONDS", "1")
    settings.cache_clear()
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("CCT_", "SLACK_")) or name == "X_API_KEY"
    }


def dead_run(engine: sa.Engine) -> UUID:
    """The run that the child was working on."""
    with engine.connect() as connection:
        found: UUID = connection.execute(sa.select(run_leases.c.run_id)).scalar_one()
    return found


def recovered(engine: sa.Engine) -> State[Any]:
    """Be the worker that picks the recovery up."""
    return recovery_of(engine, dead_run(engine))


def nothing_is_held(engine: sa.Engine) -> bool:
    """Whether neither a lock nor an open permit is left."""
    with engine.connect() as connection:
        locked = connection.execute(sa.select(target_locks)).all()
        open_ = connection.execute(sa.select(permits).where(permits.c.closed_at.is_(None))).all()
    return not locked and not open_


@pytest.mark.parametrize(
    ("statement", "writes", "outcome"),
    [
        # journalled as intended, and never sent: nothing had to be put back
        ("INSERT INTO actions", ["reset"] * 0, Outcome.UNDONE),
        # in effect and read back, not verified: put back
        ("UPDATE actions", ["reset", "disable"], Outcome.UNDONE),
        # verified: kept, only the account was missing
        ("INSERT INTO verifications", ["reset"], Outcome.RESOLVED),
        ("DELETE FROM target_locks", ["reset"], Outcome.RESOLVED),
    ],
)
def test_killed_after_a_step_it_ends_once(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    statement: str,
    writes: list[str],
    outcome: Outcome,
) -> None:
    harness.start(env, statement)
    assert harness.end() == "killed"
    run_id = dead_run(engine)

    state = recovered(engine)

    assert state.name == outcome.value
    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == writes
    assert sandbox.state().routes[ROUTE].enabled == (outcome is Outcome.RESOLVED)
    assert account.of_run(engine, run_id).outcome is outcome
    assert nothing_is_held(engine)


def test_killed_after_cct_applied_the_write_and_before_it_answered(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """In doubt: the look says that it took effect, so it is confirmed and taken back."""
    sandbox.faults(Fault(apply_then_hang=True, count=1))
    pid = harness.start(env | {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "60"}, NEVER)
    eventually(lambda: len(sandbox.writes()) == 1, seconds=60)
    os.kill(pid, signal.SIGKILL)
    assert harness.end() == "killed"
    run_id = dead_run(engine)

    assert ended(recovered(engine)) == ("Undone", "FAILED")

    (act,) = account.of_run(engine, run_id).actions
    assert act.state == "confirmed"
    assert not sandbox.state().routes[ROUTE].enabled
    assert len(sandbox.writes()) == 2


@pytest.mark.parametrize(
    "statement", ["INSERT INTO permits", "INSERT INTO actions", "UPDATE actions"]
)
def test_killed_in_the_middle_of_its_undo_it_is_undone_once(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    statement: str,
) -> None:
    """The second such statement is the undo's; what the undo had reached is not done again."""
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})
    harness.start(env, statement, nth=2)
    assert harness.end() == "killed"

    assert ended(recovered(engine)) == ("Undone", "FAILED")

    assert not sandbox.state().routes[ROUTE].enabled
    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == ["reset", "disable"]
    assert nothing_is_held(engine)


def test_killed_before_its_first_step_it_only_gets_its_account(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    harness.start(env, "INSERT INTO permits")
    assert harness.end() == "killed"
    eventually(lambda: leases.reap(engine, dead_run(engine)))

    assert reap(engine, dead_run(engine)) is None

    assert sandbox.writes() == []
    state = final(recover, dead_run(engine))
    assert "had changed nothing" in (state.message or "")


def test_a_recovery_that_dies_is_followed_by_another(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """CCT stores nothing at first, so the first recovery fails and says so."""
    harness.start(env, "UPDATE actions")
    assert harness.end() == "killed"
    run_id = dead_run(engine)
    sandbox.faults(Fault(drop_writes=True))

    first = recovered(engine)
    sandbox.clear_faults()
    second = final(recover, run_id)

    assert "did not take effect" in (first.message or "")
    assert ended(second) == ("Undone", "FAILED")
    assert account.of_run(engine, run_id).outcome is Outcome.UNDONE


def test_a_cancelled_run_undoes_what_it_had_begun(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """Prefect cancels by SIGTERM: the run stops watching, puts the canary back and says so."""
    pid = harness.start(env | {"CCT_OPS_WATCH_SECONDS": "60"}, NEVER)
    eventually(lambda: confirmed(engine), seconds=60)
    os.kill(pid, signal.SIGTERM)
    harness.end()

    known = account.of_run(engine, dead_run(engine))
    assert known.outcome is Outcome.UNDONE
    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == ["reset", "disable"]
    assert nothing_is_held(engine)


def test_a_cancellation_that_python_loses_undoes_all_the_same(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """
    What a signal's handler raises in a finalizer is printed and forgotten.

    It comes right after the change was confirmed, so that without it the watch goes on.
    """
    harness.start(
        env | {"CCT_OPS_WATCH_SECONDS": "60"},
        "UPDATE actions",
        sign=signal.SIGTERM,
        finalizing=True,
    )
    harness.end()

    known = account.of_run(engine, dead_run(engine))
    assert known.outcome is Outcome.UNDONE
    assert known.verifications == ()
    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == ["reset", "disable"]
    assert nothing_is_held(engine)


def confirmed(engine: sa.Engine) -> bool:
    """Whether a read-back showed the change."""
    with engine.connect() as connection:
        states = connection.execute(sa.select(actions.c.state)).scalars()
        return list(states) == ["confirmed"]


def test_a_live_run_is_not_recovered(engine: sa.Engine) -> None:
    run_id = uuid4()
    with leases.alive(engine, run_id, seconds=30):
        state = final(recover, run_id)

    assert "still shows signs of life" in (state.message or "")


def test_a_process_that_slept_through_its_lock_is_refused(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """SIGSTOP after the permit, past the expiry of its lock; another run has it by then."""
    pid = harness.start(
        env | {"CCT_OPS_LEASE_SECONDS": "600"}, "INSERT INTO permits", sign=signal.SIGSTOP
    )
    assert harness.end() == "stopped"
    with engine.begin() as tx:
        tx.execute(sa.update(target_locks).values(expires_at=sa.func.clock_timestamp()))
    assert locks.acquire(engine, ROUTE, uuid4(), seconds=60) is not None
    os.kill(pid, signal.SIGCONT)
    assert harness.end() == "exited"

    assert sandbox.writes() == []
    known = account.of_run(engine, dead_run(engine))
    assert "no longer holds the lock" in (known.reason or "")


def test_a_process_that_was_taken_for_dead_is_locked_out(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """SIGSTOP after the change was confirmed: its recovery undoes it, and it finds no way back."""
    pid = harness.start(env, "UPDATE actions", sign=signal.SIGSTOP)
    assert harness.end() == "stopped"

    assert ended(recovered(engine)) == ("Undone", "FAILED")
    os.kill(pid, signal.SIGCONT)
    assert harness.end() == "exited"

    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == ["reset", "disable"]
