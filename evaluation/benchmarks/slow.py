"""
``python -m evaluation.benchmarks.slow``: a diagnosis of eight endpoints that each take 200 ms.

Beside it, on the same sandbox and turn by turn, the runbook's way: one curl after the other. Of a
diagnosis everything is measured from the first probe's start to the last one's answer, with what
Prefect and the shared request budget add.
"""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from prefect import Task, flow
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from evaluation.benchmarks.system import system
from tasks import diagnose

ALLOWED_SECONDS = 0.6
DELAY_MS = 200.0
# Each endpoint as the runbook's command asks for it, and the probe that does the same.
ENDPOINTS: Mapping[str, Task[[], Any]] = {
    "canary/status": diagnose.probe_canary,
    "canary/history?limit=20": diagnose.probe_history,
    "canary/rollbacks": diagnose.probe_rollbacks,
    "canary/metrics": diagnose.probe_traffic,
    "canary/config": diagnose.probe_rules,
    "slo/status?windowMin=5": diagnose.probe_slo,
    "slo/breaches?hours=1": diagnose.probe_breaches,
    "data/health": diagnose.probe_health,
}

app = App(help=__doc__)


@app.default
def main(*, count: Annotated[int, Parameter(help="Diagnoses.")] = 10) -> int:
    """Print both medians and worst cases; exit with 1 when a median diagnosis is too slow."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-slow-") as folder,
        system(Path(folder)) as stack,
        SandboxControl(stack.urls["cct"]) as sandbox,
        temporary_settings(
            {
                PREFECT_API_URL: stack.env["PREFECT_API_URL"],
                PREFECT_API_AUTH_STRING: stack.env["PREFECT_API_AUTH_STRING"],
                PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            }
        ),
    ):
        os.environ.update(stack.env)
        for name in ("prefect.flow_runs", "prefect.task_runs"):
            logging.getLogger(name).setLevel(logging.WARNING)
        _diagnosis()  # a warm worker has imported and connected everything as well
        sandbox.reset(limits=False)
        sandbox.faults(Fault(path="/api/v1/", latency_ms=DELAY_MS))
        curls, probes, busy = [], [], []
        for _ in range(count):
            curls.append(stack.curls(ENDPOINTS))
            asked = len(sandbox.requests())
            cpu = time.process_time()
            probes.append(_diagnosis())
            busy.append(time.process_time() - cpu)
            if (sent := len(sandbox.requests()) - asked) != len(ENDPOINTS):
                raise RuntimeError(f"The diagnosis sent {sent} requests, not {len(ENDPOINTS)}.")
    each = f"{len(ENDPOINTS)} endpoints of {DELAY_MS:g} ms, {count} times"
    print(f"{each}: load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, seconds in (("sequential curl", curls), ("parallel probes", probes)):
        print(f"{name}: median {statistics.median(seconds):.3f} s, worst {max(seconds):.3f} s")
    print(f"of a diagnosis and its run, CPU time of this process: {statistics.median(busy):.3f} s")
    return 0 if statistics.median(probes) < ALLOWED_SECONDS else 1


@flow(name="a slow diagnosis")
def _diagnosis() -> float:
    began = time.monotonic()
    asked = [probe.submit() for probe in ENDPOINTS.values()]
    for each in asked:
        each.result()
    return time.monotonic() - began


if __name__ == "__main__":
    app()
