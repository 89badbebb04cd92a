"""PostgreSQL or Redis is killed and comes back while a run is in each of its phases."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cct_ops.models.cct import Route
from cct_ops.stack.postgres import free_port
from cct_ops.stack.shared_state import REDIS, redis_env
from tests.end_to_end.conftest import Stack, a_stack, changes_on
from tests.end_to_end.held_runs import PHASES, held_runs, in_their_phases
from tests.end_to_end.killing import kill
from tests.end_to_end.test_outages import holds_a_lease, name
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(600)  # a restart and seven processes on a busy machine


class Redis:
    """A real Redis that writes down what it is told, as for several servers of Prefect."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Serve what was written down."""
        place = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder))
        kept = ("--appendonly", "yes", "--save", "")
        self._process = subprocess.Popen(["redis-server", *place, *kept], stdout=subprocess.DEVNULL)
        eventually(self._answers)

    def _answers(self) -> bool:
        from redis import Redis as Client
        from redis.exceptions import RedisError

        with closing(Client.from_url(self.url)) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def close(self) -> None:
        """Kill -9 it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Kill -9 it, and start it anew."""
        self.close()
        self.start()


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis of this test's own."""
    with closing(Redis(tmp_path_factory.mktemp("redis"))) as redis:
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
    redis: Redis, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
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
