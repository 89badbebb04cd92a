"""PostgreSQL or Redis is killed and comes back while a run is in each of its phases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cct_ops.models.cct import Route
from cct_ops.stack.shared_state import REDIS, redis_env
from tests.end_to_end.conftest import Stack, a_stack, changes_on
from tests.end_to_end.held_runs import PHASES, held_runs, in_their_phases
from tests.end_to_end.killing import kill
from tests.end_to_end.test_outages import holds_a_lease, name
from tests.stack.polling import eventually
from tests.stack.redis_server import RedisServer

pytestmark = pytest.mark.timeout(600)  # a restart and seven processes on a busy machine


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    with closing(RedisServer(tmp_path_factory.mktemp("redis"))) as redis:
        redis.start()
        yield redis


def lives_through(stack: Stack, restart: Callable[[], None]) -> None:
    """See that each run ends as it would have ended without, with as many changes."""
    stack.sandbox.reset(limits=False)
    with held_runs(stack) as (runs, let_go):
        in_their_phases(stack, runs)

        restart()

        let_go()
        eventually(lambda: all(stack.state(run).is_final() for run in runs.values()), seconds=240)
    ended = {phase: name(stack, run).partition(":")[0] for phase, run in runs.items()}
    assert ended == {phase: wanted.outcome for phase, wanted in PHASES.items()}
    for route in Route:
        wanted = [each.writes for each in PHASES.values() if each.route is route]
        assert changes_on(stack.sandbox, route) == sum(wanted), route


def test_postgresql_that_is_killed_in_any_phase_of_a_run_changes_no_outcome(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """
    The ledger and Prefect's database are in it, as on every single machine.

    The stack is the test's own: what others changed on these pages would have the gate hold back.
    """
    with a_stack(tmp_path_factory.mktemp("stack"), {}) as stack:
        lives_through(stack, lambda: kill(stack.data, "postgres"))


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_redis_that_is_killed_in_any_phase_of_a_run_changes_no_outcome(
    redis: RedisServer, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Prefect's server has its events, background jobs and leases there, as several would."""
    shared = {REDIS: redis.url, **redis_env(redis.url)}
    with a_stack(tmp_path_factory.mktemp("stack"), shared) as stack:
        lease = holds_a_lease(stack, tmp_path)
        eventually((tmp_path / "began").exists, seconds=120)

        lives_through(stack, redis.restart)

        assert stack.state(lease).is_running(), "what Redis had written down of it is there again"
        (tmp_path / "go").touch()
        eventually(lambda: stack.state(lease).is_completed())
