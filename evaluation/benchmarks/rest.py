"""The cost of the stack while nothing happens, and the gain of parallel probes."""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import Any

import psutil

from evaluation.benchmarks.system import System

PROBED = (
    "canary/status",
    "canary/history?limit=20",
    "canary/rollbacks",
    "slo/status?windowMin=5",
    "slo/breaches?hours=1",
    "data/health",
)


def idle(system: System, seconds: float) -> dict[str, float]:
    """Watch the stack do nothing; memory that processes share is counted once."""
    supervisor = psutil.Process(system.supervisor_pid)
    parts = [supervisor, *supervisor.children(recursive=True)]
    before = {part.pid: used for part in parts if (used := _cpu_seconds(part)) is not None}
    time.sleep(seconds)
    used = sum(
        now - before[part.pid]
        for part in parts
        if part.pid in before and (now := _cpu_seconds(part)) is not None
    )
    memory: dict[int, Any] = {}
    warm = []
    for part in parts:
        with contextlib.suppress(psutil.NoSuchProcess):  # a run's process that has ended meanwhile
            memory[part.pid] = part.memory_full_info()
            if "cct_ops.worker.fork_server" in part.cmdline():
                warm.append(part)
    server, waiting = warm[0], warm[1:]
    return {
        "cpu_percent_of_one_core": 100 * used / seconds,
        "memory_mib": sum(info.pss for info in memory.values()) / 2**20,
        "fork_server_mib": memory[server.pid].uss / 2**20,
        "waiting_processes": len(waiting),
        "own_mib_of_a_waiting_process": statistics.mean(memory[part.pid].uss for part in waiting)
        / 2**20,
        "rss_mib_of_a_waiting_process": statistics.mean(memory[part.pid].rss for part in waiting)
        / 2**20,
    }


def _cpu_seconds(part: psutil.Process) -> float | None:
    try:
        return float(sum(part.cpu_times()[:2]))
    except psutil.NoSuchProcess:
        return None


def diagnosis(system: System, count: int) -> dict[str, float]:
    """Compare the probes of a run with the runbook's way, one curl after the other."""
    curl, probes = [], []
    for _ in range(count):
        curl.append(system.curls(PROBED))
        run = system.run_of(system.alert())
        system.ended(run)
        at = system.probes(run)
        probes.append(max(end for _, end in at) - min(start for start, _ in at))
    return {
        "sequential_curl_median_seconds": statistics.median(curl),
        "parallel_probes_median_seconds": statistics.median(probes),
    }
