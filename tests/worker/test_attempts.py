"""Which attempt at a run a dead process was: what others took up since is not taken from them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.worker.compatibility import FlowRunExecutorContext
from cct_ops.worker.execution import Execution
from cct_ops.worker.observers import Suspensions
from cct_ops.worker.prefork_pool import PreforkPool
from cct_ops.worker.protocol import Command
from cct_ops.worker.run_lock_files import RunLockFile, RunLockFiles
from tests.stack.polling import eventually
from tests.worker.running import Pool


@pytest.fixture(autouse=True)
def here(prefect_api_url: str) -> Iterator[None]:
    """The worker's environment."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


class Run:
    """A run that goes through states, without any process."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self._pool = pool
        self._folder = folder
        self.id = pool.create(pool.deploy("hold"), folder=str(folder))

    def begin(self) -> RunLockFile:
        """Take it up as a worker does, and let the process die at work."""
        lock_file = RunLockFile(
            self._folder / f"{self.id}.{self._pool.run(self.id)['state']['id']}"
        )
        lock_file.path.touch()
        for state in ("PENDING", "RUNNING"):
            self.to(state)
        return lock_file

    def to(self, kind: str) -> None:
        """Bring it into a state."""
        self._pool.ask("POST", f"/flow_runs/{self.id}/set_state", {"state": {"type": kind}})

    def resume(self) -> None:
        """Suspend it, and let it go on."""
        self._pool.suspend(self.id)
        self._pool.ask("POST", f"/flow_runs/{self.id}/resume", {})

    @property
    def state(self) -> str:
        """Where it stands."""
        return str(self._pool.run(self.id)["state"]["type"])


@pytest.fixture
def run(own_pool: Pool, tmp_path: Path) -> Run:
    """A run that nobody has taken up yet."""
    return Run(own_pool, tmp_path)


def settle(*lock_files: RunLockFile) -> None:
    """See to the runs of these dead processes."""

    async def settle_them() -> None:
        async with FlowRunExecutorContext() as context:
            for lock_file in lock_files:
                await execution(context, lock_file.path.parent).settle(lock_file, "It died.")

    asyncio.run(settle_them())


def execution(context: FlowRunExecutorContext, folder: Path) -> Execution:
    """What sees to runs, of which none has hooks."""

    async def no_command(_run: FlowRun) -> Command | None:
        return None

    return Execution(context, Suspensions(), PreforkPool(folder, {}, idle=0), no_command)


def test_a_run_that_was_resumed_is_not_the_one_that_died_before(run: Run) -> None:
    """Not even with the count of runs that Prefect keeps: it is the same as before."""
    before = run.begin()
    run.resume()
    settle(before)
    assert run.state == "SCHEDULED"
    now = run.begin()

    settle(before)
    assert run.state == "RUNNING"

    settle(now)
    assert run.state == "CRASHED"


def test_a_run_that_its_last_worker_had_only_looked_at_is_ours(run: Run, tmp_path: Path) -> None:
    """It died between its lock file and its claim, so both lock files show one state."""
    state = run.begin().state_id
    pool = tmp_path / "pool"
    dead = RunLockFiles.begin(pool)
    with dead.held(UUID(run.id), state) as (lock_file, _):
        pass
    dead.end()

    async def settle_them() -> None:
        async with FlowRunExecutorContext() as context:
            seeing = asyncio.create_task(
                execution(context, tmp_path).settle_abandoned_runs(pool, {UUID(run.id)})
            )
            await asyncio.to_thread(eventually, lambda: not lock_file.path.exists())
            seeing.cancel()

    asyncio.run(settle_them())

    assert run.state == "RUNNING"
