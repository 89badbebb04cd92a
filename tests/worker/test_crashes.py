"""What crashes, and what becomes of the runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.stack.polling import eventually
from tests.worker.relay import relay
from tests.worker.running import Pool, Worker
from tests.worker.test_runs import pid_of

# What Prefect's executor says when it gives up.
UNHEARD = "Failed to update state of flow run"


def test_the_fork_server_has_one_thread_and_no_connection(pool: Pool, worker: Worker) -> None:
    server = worker.server()

    assert server.num_threads() == 1
    assert server.net_connections() == []


def test_forks_share_nothing_that_is_random(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    deployment = pool.deploy("draw")
    runs = [pool.create(deployment, path=str(tmp_path / str(i))) for i in range(2)]
    for run in runs:
        assert pool.ended(run)["type"] == "COMPLETED"

    assert (tmp_path / "0").read_text() != (tmp_path / "1").read_text()


def test_runs_outlive_a_killed_fork_server(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    run = pool.create(pool.deploy("hold"), folder=str(tmp_path))
    pid_of(tmp_path)
    worker.server().kill()
    (tmp_path / "go").touch()

    assert pool.ended(run)["type"] == "COMPLETED"
    assert pool.ended(pool.create(pool.deploy("ping")), 60)["type"] == "COMPLETED"


def test_a_death_that_nobody_saw_is_a_crash(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    run = pool.create(pool.deploy("hold"), folder=str(tmp_path))
    pid = pid_of(tmp_path)
    server = worker.server()
    server.suspend()  # else it might still report the death
    os.kill(pid, signal.SIGKILL)
    server.kill()

    state = pool.ended(run, 60)
    assert (state["type"], state["message"]) == ("CRASHED", "Its process ended and nobody saw how.")
    eventually((tmp_path / "crashed").exists)


@pytest.mark.timeout(300)  # Prefect's client asks for half a minute before it gives up
def test_a_death_that_prefect_could_not_hear_of_is_told_as_soon_as_it_listens(
    own_pool: Pool, tmp_path: Path
) -> None:
    """Nobody would find the run for minutes otherwise: a temporary change stood for that long."""
    with relay(own_pool.api_url) as line, own_pool.worker(PREFECT_API_URL=line.url) as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid = pid_of(tmp_path)
        line.cut()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: UNHEARD in worker.said(), seconds=150)
        assert own_pool.run(run)["state"]["type"] == "RUNNING"
        line.mend()

        assert own_pool.ended(run, 60)["type"] == "CRASHED"
        eventually((tmp_path / "crashed").exists)


def test_a_new_worker_sees_to_the_runs_of_a_killed_one(own_pool: Pool, tmp_path: Path) -> None:
    """Between the two, a run that is suspended notices it by itself."""
    treading = tmp_path / "treading"
    treading.mkdir()
    deployment = own_pool.deploy("hold")
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    with own_pool.worker() as first:
        runs = []
        for folder in (dead, alive):
            folder.mkdir()
            runs.append(own_pool.create(deployment, folder=str(folder)))
            pid_of(folder)
        suspended = own_pool.create(own_pool.deploy("tread"), folder=str(treading))
        going_on = {pid_of(alive), pid_of(treading)}
        family = psutil.Process(first.process.pid).children(recursive=True)
        first.process.kill()
        os.kill(pid_of(dead), signal.SIGKILL)
        left = [process for process in family if process.pid not in going_on]
        eventually(lambda: not any(process.is_running() for process in left))  # the idle ones too
        own_pool.suspend(suspended)
        eventually(lambda: not Path(f"/proc/{pid_of(treading)}").exists(), seconds=40)

        with own_pool.worker():
            state = own_pool.ended(runs[0])
            assert (state["type"], state["message"]) == (
                "CRASHED",
                "Its process died while no worker was there to see it.",
            )
            eventually((dead / "crashed").exists)
            assert own_pool.run(runs[1])["state"]["type"] == "RUNNING"
            (alive / "go").touch()
            assert own_pool.ended(runs[1])["type"] == "COMPLETED"


# What Prefect says when it has stopped to look, for good.
GAVE_UP = "flow run cancellation will fail"


@pytest.mark.timeout(300)  # Prefect takes half a minute to give up
def test_a_run_can_be_cancelled_after_an_outage_in_which_prefect_gave_that_up(
    own_pool: Pool, tmp_path: Path
) -> None:
    with relay(own_pool.api_url) as line, own_pool.worker(PREFECT_API_URL=line.url) as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid_of(tmp_path)
        line.cut()
        eventually(lambda: GAVE_UP in worker.said(), seconds=90)
        line.mend()

        own_pool.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

        assert own_pool.ended(run, 60)["type"] == "CANCELLED"
        eventually((tmp_path / "cancelled").exists)
