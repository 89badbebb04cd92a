"""Runs of the warm worker end as those of the process worker do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.stack.polling import eventually
from tests.worker.running import Pool, Worker


def test_a_run_is_forked_and_its_log_is_on_the_server(pool: Pool, worker: Worker) -> None:
    run = pool.create(pool.deploy("ping"), note="Mayday")

    assert pool.ended(run)["type"] == "COMPLETED"
    eventually(lambda: "here is Mayday" in _logged(pool, run))
    eventually(lambda: pool.run(run)["infrastructure_pid"] is not None)
    kept = pool.run(run)
    assert (kept["name"], kept["flow_version"]) == ("ping Mayday", "7")
    assert kept["empirical_policy"]["retries"] == 2
    assert f"'Run {run}" not in worker.said()
    assert "slow path" not in worker.said()


def test_a_failing_flow_fails_and_the_next_one_runs(pool: Pool, worker: Worker) -> None:
    state = pool.ended(pool.create(pool.deploy("fail")))

    assert (state["type"], state["message"]) == (
        "FAILED",
        "Flow run encountered an exception: ValueError: not today",
    )
    assert pool.ended(pool.create(pool.deploy("ping")))["type"] == "COMPLETED"


def test_a_flow_that_fails_at_once_is_tried_again(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    """Its policy is on the server before it can fail."""
    run = pool.create(pool.deploy("again"), folder=str(tmp_path))

    assert pool.ended(run)["type"] == "COMPLETED"
    assert pool.run(run)["run_count"] == 2


def test_wrong_parameters_fail_with_the_reason(pool: Pool, worker: Worker) -> None:
    run = pool.create(pool.deploy("ping"), note=["Mayday"])

    state = pool.ended(run)
    assert state["type"] == "FAILED"
    assert state["message"].startswith("Validation of flow parameters failed")


def test_who_asked_to_be_notified_of_the_end_is_notified(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    run = pool.create(pool.deploy("depart"), folder=str(tmp_path))

    assert pool.ended(run)["type"] == "COMPLETED"
    eventually((tmp_path / "departed").exists)


def test_an_exit_code_is_reported_as_a_crash(pool: Pool, worker: Worker) -> None:
    state = pool.ended(pool.create(pool.deploy("leave"), code=3))

    assert state["type"] == "CRASHED"
    assert state["message"].startswith("Process exited with status code: 3.")


def test_a_killed_process_is_a_crash_with_its_hook(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    run = pool.create(pool.deploy("hold"), folder=str(tmp_path))
    os.kill(pid_of(tmp_path), signal.SIGKILL)

    state = pool.ended(run)
    assert state["type"] == "CRASHED"
    assert "SIGKILL" in state["message"]
    eventually((tmp_path / "crashed").exists)
    assert worker.process.poll() is None


def test_a_cancel_ends_the_process_and_runs_its_hook(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    run = pool.create(pool.deploy("hold"), folder=str(tmp_path))
    pid = pid_of(tmp_path)
    pool.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    assert pool.ended(run)["type"] == "CANCELLED"
    assert (tmp_path / "cancelled").read_text() == "Cancelling"
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_a_run_that_is_suspended_ends_its_process(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    """At its next step, as the worker asks it to; it goes on in another process some day."""
    run = pool.create(pool.deploy("tread"), folder=str(tmp_path))
    pid = pid_of(tmp_path)
    pool.suspend(run)

    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert pool.run(run)["state"]["name"] == "Suspended"


def test_the_limit_holds_back_what_is_too_much(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    deployment = pool.deploy("hold")
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    runs = [pool.create(deployment, folder=str(folder)) for folder in folders]
    eventually(lambda: sum((folder / "pid").exists() for folder in folders) == 3)
    waiting = [run for run in runs if pool.run(run)["state"]["type"] == "SCHEDULED"]

    assert len(waiting) == 1
    for folder in folders:
        (folder / "go").touch()
    assert {pool.ended(run)["type"] for run in runs} == {"COMPLETED"}


def test_code_from_elsewhere_takes_the_stock_path(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    (tmp_path / "flows").mkdir()
    code = "import os, sys\nfrom prefect import flow\n\n@flow\ndef ping(note: str) -> None:\n"
    code += "    open(note, 'w').write(' '.join(sys.orig_argv))\n"
    (tmp_path / "flows" / "ping.py").write_text(code)
    assert pool.ended(pool.create(pool.deploy("ping")))["type"] == "COMPLETED"
    # at once: what the worker has just read is not what the next run is made from
    run = pool.create(pool.deploy("ping", folder=tmp_path), note=str(tmp_path / "argv"))

    assert pool.ended(run, 60)["type"] == "COMPLETED"
    assert "prefect.engine" in (tmp_path / "argv").read_text()


def test_changed_code_is_what_runs(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    deployment = pool.deploy("change")
    said = []
    for word in ("old", "new"):
        pool.write("helping", f"WORD = {word!r}\n")
        answer = tmp_path / word
        assert pool.ended(pool.create(deployment, path=str(answer)), 60)["type"] == "COMPLETED"
        said.append(answer.read_text())

    assert said == ["old", "new"]


def pid_of(folder: Path) -> int:
    """Wait for the process of a `hold`, and return its id."""
    eventually((folder / "pid").exists)
    eventually((folder / "pid").read_text)
    return int((folder / "pid").read_text())


def _logged(pool: Pool, run: str) -> str:
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}}
    return "\n".join(line["message"] for line in pool.ask("POST", "/logs/filter", wanted))
