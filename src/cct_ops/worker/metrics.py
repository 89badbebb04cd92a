"""What the warm worker shows Prometheus: the runs that it starts, and its processes."""

from __future__ import annotations

from collections.abc import Sized
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cct_ops.exposition import serve_metrics
from cct_ops.settings import Settings
from cct_ops.worker.prefork_pool import PreforkPool

REGISTRY = CollectorRegistry()

STARTED = Counter(
    "cct_ops_worker_runs_started", "Runs that began here.", ["playbook"], registry=REGISTRY
)
ENDED = Counter(
    "cct_ops_worker_runs_ended",
    "Processes of runs that ended: exited (the run is over, or suspended), failed (it exited with"
    " an error), killed (by a signal), or unknown.",
    ["playbook", "end"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "cct_ops_worker_run_seconds",
    "How long the process of a run lived, from its start to its end.",
    ["playbook"],
    registry=REGISTRY,
    buckets=(1, 2.5, 5, 10, 30, 60, 300, 600, 1800, 3600),
)
START_SECONDS = Histogram(
    "cct_ops_worker_start_seconds",
    "From when a run was due until it was Running.",
    registry=REGISTRY,
    buckets=(0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
REFUSED_CLAIMS = Counter(
    "cct_ops_worker_claims_refused",
    "Runs that Prefect did not let this worker have: another had them, or a pause or limit held.",
    registry=REGISTRY,
)
SLOW_STARTS = Counter(
    "cct_ops_worker_slow_starts",
    "Runs that took Prefect's own, slower way, for want of a warm process or because their code is"
    " elsewhere.",
    registry=REGISTRY,
)
PROCESSES = Gauge(
    "cct_ops_worker_processes",
    "Warm processes: busy with a run, or waiting for one.",
    ["state"],
    registry=REGISTRY,
)


def serve(settings: Settings, busy: Sized, pool: PreforkPool) -> None:
    """Let Prometheus read this worker, where that is wanted."""
    PROCESSES.labels("busy").set_function(lambda: len(busy))
    PROCESSES.labels("waiting").set_function(lambda: pool.waiting)
    where = settings.metrics_host, settings.worker_metrics_port
    serve_metrics(REGISTRY, *where, "CCT_OPS_WORKER_METRICS_PORT")


def record_claim(*, granted: bool, warm: bool) -> None:
    """Count an attempt to have a run, by whether it was ours and a warm process took it."""
    if not granted:
        REFUSED_CLAIMS.inc()
    elif not warm:
        SLOW_STARTS.inc()


def record_start(playbook: str, flow_run: FlowRun) -> None:
    """Count a run that has begun just now."""
    STARTED.labels(playbook).inc()
    due = flow_run.next_scheduled_start_time or flow_run.expected_start_time
    if due is not None:
        START_SECONDS.observe(max(0.0, (datetime.now(UTC) - due).total_seconds()))


def record_end(playbook: str, seconds: float, exit_code: int | None) -> None:
    """Count the end of a run's process."""
    if exit_code is None:
        end = "unknown"
    elif exit_code < 0:
        end = "killed"
    else:
        end = "failed" if exit_code else "exited"
    ENDED.labels(playbook, end).inc()
    SECONDS.labels(playbook).observe(seconds)
