"""Runs of the warm worker end as those of the process worker do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from tests.worker.running import Pool, Worker, until


def test_a_run_is_forked_and_its_log_is_on_the_server(pool: Pool, worker: Worker) -> None:
    run = pool.create(pool.deploy("ping"), note="Mayday")

    assert pool.ended(run)["type"] == "COMPLETED"
    until(lambda: "here is Mayday" in _logged(pool, run))
    until(lambda: pool.run(run)["infrastructure_pid"] is not None)
    assert "slow path" not in worker.said()


def _logged(pool: Pool, run: str) -> str:
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}}
    return "\n".join(line["message"] for line in pool.ask("POST", "/logs/filter", wanted))
