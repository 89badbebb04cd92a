"""A process is made ready while its run is claimed, and does nothing before the claim is sure."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from cct_ops.stack.postgres import EmbeddedPostgres
from tests.stack.polling import eventually, processes
from tests.worker.running import Pool, Worker, notify


@pytest.mark.parametrize("chain", [("PENDING",), ("PENDING", "RUNNING", "PAUSED")], ids=" ".join)
def test_a_run_that_somebody_else_has_is_left_alone(
    chain: tuple[str, ...], notified: Pool, postgres: EmbeddedPostgres
) -> None:
    """
    And the process that was made ready for it is gone.

    Elsewhere it may already wait for a yes: Prefect says so by a signal, not by an error.
    """
    path = f"/deployments/{notified.deploy('ping')}/create_flow_run"
    taken, ours = (notified.ask("POST", path, {}) for _ in range(2))
    for state in chain:
        claim = {"state": {"type": state}, "force": True}
        notified.ask("POST", f"/flow_runs/{taken['id']}/set_state", claim)
    eventually(lambda: len(waiting(notified)) == 2)
    before = waiting(notified)
    notify(postgres, json.dumps(taken), json.dumps(ours))

    assert notified.ended(ours["id"])["type"] == "COMPLETED"
    eventually(lambda: len(waiting(notified)) == 2 and not before & waiting(notified))
    run = notified.run(taken["id"])
    assert (run["state"]["type"], run["run_count"]) == (chain[-1], chain.count("RUNNING"))


def test_a_flow_with_a_client_of_its_own_waits_as_well(
    pool: Pool, worker: Worker, tmp_path: Path
) -> None:
    run = pool.create(pool.deploy("sail"), path=str(tmp_path / "word"))

    assert pool.ended(run)["type"] == "COMPLETED"
    states = pool.ask("GET", f"/flow_run_states/?flow_run_id={run}")
    assert [each["name"] for each in states] == ["Scheduled", "Pending", "Running", "Completed"]


def test_what_was_deployed_anew_is_what_runs(pool: Pool, worker: Worker, tmp_path: Path) -> None:
    """Although a process was made ready with what was known before."""
    said = []
    for word in ("old", "new"):
        deployment = pool.deploy("sail", job_variables={"env": {"WORD": word}})
        run = pool.create(deployment, path=str(tmp_path / word))
        assert pool.ended(run)["type"] == "COMPLETED"
        said.append((tmp_path / word).read_text())

    assert said == ["old", "new"]


def waiting(pool: Pool) -> set[int]:
    """Return the processes that this pool's fork server has."""
    for process in processes():
        try:
            if "cct_ops.worker.fork_server" in process.cmdline() and process.cwd() == str(
                pool.project
            ):
                return {child.pid for child in process.children()}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return set()
