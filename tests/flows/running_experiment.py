"""An experiment that is going on: its fault is in, and the gate that it passed is open."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from prefect import flow

from cct_ops.gate import temporary
from cct_ops.gate.gate import Decision
from cct_ops.models.chaos import ChaosMode, ChaosSeverity
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from tasks.actions import perform_all
from tasks.authorise import authorise, executor
from tasks.experiment import options_for
from tasks.staging import diagnose_staging

_OPEN: list[AbstractContextManager[Decision]] = []


@flow(name="chaos-experiment", flow_run_name="an-experiment")
def _injecting() -> None:
    """Inject a fault and end in the middle of it, with the gate left open."""
    options = options_for(ChaosMode.KV_PARTIAL, ChaosSeverity.MODERATE, 10)
    look = partial(diagnose_staging, options)
    passage = authorise(look(), Mode.AUTO, again=look)
    decision = passage.__enter__()
    _OPEN.append(passage)
    assert decision.permit is not None, decision.reason
    with temporary.keepalive(executor(), decision.permit):
        perform_all(decision.permit)


def start(sandbox: SandboxControl) -> None:
    """Let an experiment go on until ``close_gates``."""
    _injecting()
    assert len(sandbox.state().chaos_faults) == 1


def close_gates() -> None:
    """Let every experiment that is going on come to its end."""
    while _OPEN:
        _OPEN.pop().__exit__(None, None, None)
