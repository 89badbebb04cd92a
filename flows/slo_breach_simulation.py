"""
Whether auto-rollback really pulls a canary that breaches its objectives.

Runbook: docs/runbooks/slo_breach_simulation.md
Blast radius: everybody who uses staging, for some minutes; anything else is refused.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.experiment import Minutes
from cct_ops.diagnoses.slo_simulation import Scenario, Share
from cct_ops.models.cct import Route
from cct_ops.models.chaos import ChaosSeverity
from cct_ops.models.run import Mode, Resolution
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.report import report, report_failure, reported
from tasks.simulation import diagnose_simulation, options_for, simulate


@one_attempt
@flow(
    name="slo-breach-simulation",
    flow_run_name="slo-breach-simulation {target} {scenario}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def slo_breach_simulation(
    target: Route,
    scenario: Scenario = Scenario.LATENCY,
    severity: ChaosSeverity = ChaosSeverity.MODERATE,
    mode: Mode = Mode.APPROVE, minutes: Minutes = 10, share: Share = 20,
) -> State[Resolution]:  # fmt: skip
    """
    Give a staging canary traffic, make it breach, wait for the rollback, and put all back.

    Args:
        target: The page whose canary breaches.
        scenario: Which of the page's objectives is breached.
        severity: How badly; always beyond the limits that CCT goes by.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
        minutes: How long the rollback may take.
        share: The canary's part of the traffic; one that serves already keeps its own.
    """
    look = partial(diagnose_simulation, target, options_for(scenario, severity, minutes, share))
    if (diagnosis := look()).plan is None:
        return report(diagnosis.outcome, diagnosis)
    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            simulate(decision.permit, diagnosis)
    return report(decision, diagnosis)
