"""The cost of the stack while nothing happens, and the gain of parallel probes."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from evaluation.benchmarks.sides import ROUTE
from evaluation.benchmarks.system import System

PROBED = (
    "canary/status",
    "canary/history?limit=20",
    "canary/rollbacks",
    "slo/status?windowMin=5",
    "slo/breaches?hours=1",
    "data/health",
)


def idle(system: System, seconds: float) -> dict[str, Any]:
    """Watch the stack do nothing; memory that processes share is counted once."""
    before = cpu_seconds(system)
    time.sleep(seconds)
    used = {part: now - before[part] for part, now in cpu_seconds(system).items()}
    memory = memory_mib(system)
    warm = []
    for process in _family("worker", system.guards["worker"]):
        with contextlib.suppress(psutil.NoSuchProcess):  # a run that has ended meanwhile
            if "cct_ops.worker.fork_server" in process.cmdline():
                warm.append(process.memory_full_info())
    server, waiting = warm[0], warm[1:]
    return {
        "cpu_percent_of_one_core": {part: 100 * each / seconds for part, each in used.items()},
        "memory_mib": memory,
        "fork_server_mib": server.uss / 2**20,
        "waiting_processes": len(waiting),
        "own_mib_of_a_waiting_process": statistics.mean(info.uss for info in waiting) / 2**20,
        "rss_mib_of_a_waiting_process": statistics.mean(info.rss for info in waiting) / 2**20,
    }


def memory_mib(system: System, *parts: str) -> dict[str, float]:
    """Return the MiB (PSS) of these parts, or of all, with what they started."""
    found = dict.fromkeys(parts or system.guards, 0.0)
    for part in found:
        for process in _family(part, system.guards[part]):
            with contextlib.suppress(psutil.NoSuchProcess):  # a run that has ended meanwhile
                found[part] += process.memory_full_info().pss / 2**20
    return found


def cpu_seconds(system: System) -> dict[str, float]:
    """Return what each part has used so far, with all that it started, also what has ended."""
    used = {}
    for part, pid in system.guards.items():
        used[part] = 0.0
        for process in _family(part, pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                used[part] += sum(process.cpu_times()[:4])
    return used


def _family(part: str, pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process] if part == "supervisor" else [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:  # a step of the start
        return []


def validate(folder: Path, count: int) -> list[float]:
    """Return the seconds that `summary validate` of one file takes, as a person types it."""
    schema, summary = folder / "schema.json", folder / "summary.json"
    schema.write_text('{"type": "object"}')

    def command(*arguments: str | Path) -> float:
        began = time.monotonic()
        program = Path(sys.executable).with_name("cct-ops")
        subprocess.run([program, "summary", *arguments], check=True, capture_output=True)
        return time.monotonic() - began

    command("generate", "benchmark", "--output", summary)
    return [command("validate", schema, summary) for _ in range(count)]


def diagnosis(system: System, count: int) -> dict[str, float]:
    """
    Compare the probes of a run with the runbook's way, one curl after the other.

    The run is of no alert, so that nothing is read ahead and its probes ask CCT themselves.
    """
    curl, probes = [], []
    deployment = system.api("GET", "/deployments/name/auto-rollback/auto-rollback")["id"]
    asked = {"parameters": {"target": ROUTE.value, "mode": "observe"}}
    for _ in range(count):
        curl.append(system.curls(PROBED))
        run = UUID(system.api("POST", f"/deployments/{deployment}/create_flow_run", asked)["id"])
        system.ended(run)
        at = system.probes(run)
        probes.append(max(end for _, end in at) - min(start for start, _ in at))
    return {
        "sequential_curl_median_seconds": statistics.median(curl),
        "parallel_probes_median_seconds": statistics.median(probes),
    }
