"""The span of a run, below the alert that it was started for, and above all that it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.context import FlowRunContext

from cct_ops import tracing
from cct_ops.models.run import TRACEPARENT
from tasks.connections import current_run


@contextmanager
def traced_run() -> Iterator[tracing.Span]:
    """Trace what this process does for its run, and let it leave before the process ends."""
    if not tracing.enabled():
        yield tracing.UNTOLD
        return
    run = current_run()
    tracing.serve_as("cct-ops-run")
    told = {
        "cct_ops.playbook": run.playbook,
        "cct_ops.run": str(run.id),
        "cct_ops.incident": str(run.incident_id) if run.incident_id else None,
    }
    try:
        with tracing.span(f"run {run.playbook}", told, kind="CONSUMER", parent=_parent()) as span:
            yield span
    finally:
        tracing.flush()


def _parent() -> str | None:
    """Return what the run was started below, which anybody who may start runs could have said."""
    context = FlowRunContext.get()
    labels = context.flow_run.labels if context and context.flow_run else {}
    label = labels.get(TRACEPARENT)
    return tracing.parsed(label) if isinstance(label, str) else None
