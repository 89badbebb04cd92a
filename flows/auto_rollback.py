"""
A canary takes no traffic: auto-rollback pulled it for an SLO breach, or somebody switched it off.

Runbook: docs/runbooks/auto_rollback.md
Blast radius: the canary's share of one route; with the options that weaken, every canary.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.rollback_plan import Availability, ErrorRate, Latency, Minutes, Option
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose import diagnose_rollback, rollback_options
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="auto-rollback",
    flow_run_name="auto-rollback {target}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def auto_rollback(
    target: Route, option: Option = Option.RESTORE, mode: Mode = Mode.APPROVE,
    minutes: Minutes = 60, p95_latency_ms: Latency | None = None,
    error_rate_percent: ErrorRate | None = None, availability_percent: Availability | None = None,
) -> State[Resolution]:  # fmt: skip
    """
    Find out why a canary takes no traffic and, once allowed, do what was chosen about it.

    Args:
        target: The page whose canary is off.
        option: Put the canary back, weaken auto-rollback for a while (all pages), or deploy anew.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
        minutes: How long a weakening lasts; policy may allow less.
        p95_latency_ms: For raise-thresholds: pull a canary only beyond; empty: it stays as it is.
        error_rate_percent: For raise-thresholds: pull only beyond; empty: it stays as it is.
        availability_percent: For raise-thresholds: pull only below; empty: it stays as it is.
    """
    limits = (p95_latency_ms, error_rate_percent, availability_percent)
    look = partial(diagnose_rollback, target, rollback_options(option, minutes, *limits))
    if (diagnosis := look()).plan is None:
        return report(diagnosis.outcome, diagnosis)
    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)
    return report(decision, diagnosis)
