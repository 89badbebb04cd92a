"""
Whether staging survives a fault, monitoring notices it, and staging recovers.

Runbook: docs/runbooks/chaos_experiment.md
Blast radius: everybody who uses staging, for some minutes; anything else is refused.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.experiment import Minutes
from cct_ops.models.chaos import ChaosMode, ChaosSeverity
from cct_ops.models.run import Mode, Resolution
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.experiment import conduct, options_for
from tasks.report import report, report_failure, reported
from tasks.staging import diagnose_staging


@one_attempt
@flow(
    name="chaos-experiment",
    flow_run_name="chaos-experiment {chaos} {severity}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def chaos_experiment(
    chaos: ChaosMode = ChaosMode.LATENCY,
    severity: ChaosSeverity = ChaosSeverity.MILD,
    mode: Mode = Mode.APPROVE,
    minutes: Minutes = 5,
) -> State[Resolution]:
    """
    Inject faults into a steady staging system, watch it, remove them, and see it recover.

    Args:
        chaos: What goes wrong.
        severity: How hard it hits staging.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
        minutes: For how long.
    """
    options = options_for(chaos, severity, minutes)
    look = partial(diagnose_staging, options)
    diagnosis = look()
    if diagnosis.plan is None:
        return report(diagnosis.outcome, diagnosis)
    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            conduct(decision.permit, diagnosis, options)
    return report(decision, diagnosis)
