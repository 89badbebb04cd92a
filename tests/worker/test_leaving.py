"""A worker that is told to stop kills no run, if it was given the time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.stack.polling import eventually
from tests.worker.running import Pool
from tests.worker.test_runs import pid_of


def test_a_worker_that_is_told_to_stop_sees_its_runs_to_their_end(
    own_pool: Pool, tmp_path: Path
) -> None:
    """And begins no other, which is there for the next worker."""
    with own_pool.worker(CCT_OPS_WORKER_GRACE_SECONDS="120") as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid_of(tmp_path)
        worker.process.terminate()
        eventually(lambda: "no run is taken any more" in worker.said())
        later = own_pool.create(own_pool.deploy("ping"))
        with pytest.raises(subprocess.TimeoutExpired):
            worker.process.wait(3)
        assert own_pool.run(run)["state"]["type"] == "RUNNING"
        assert own_pool.run(later)["state"]["type"] == "SCHEDULED"
        (tmp_path / "go").touch()

        assert worker.process.wait(30) == 0
        assert own_pool.run(run)["state"]["type"] == "COMPLETED"

    with own_pool.worker():
        assert own_pool.ended(later)["type"] == "COMPLETED"


def test_what_has_not_ended_in_time_ends_with_it(own_pool: Pool, tmp_path: Path) -> None:
    with own_pool.worker(CCT_OPS_WORKER_GRACE_SECONDS="1") as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid_of(tmp_path)
        worker.process.terminate()

        assert worker.process.wait(30) == 0
        assert own_pool.ended(run)["type"] == "CRASHED"
        assert "1 runs have not ended in time" in worker.said()


def test_told_twice_it_stops_at_once(own_pool: Pool, tmp_path: Path) -> None:
    with own_pool.worker(CCT_OPS_WORKER_GRACE_SECONDS="120") as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid_of(tmp_path)
        worker.process.terminate()
        eventually(lambda: "no run is taken any more" in worker.said())
        worker.process.terminate()

        assert worker.process.wait(30) == 0
        assert own_pool.ended(run)["type"] == "CRASHED"
