"""
A canary is on and something is wrong with it: its traffic, configuration, performance or flags.

Runbook: docs/runbooks/canary_issue.md
Blast radius: the canary's share of one route; a promotion, which always asks, the whole route.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose import diagnose_canary
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="canary-issue",
    flow_run_name="canary-issue {target}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def canary_issue(
    target: Route, fix: CanaryFix = CanaryFix.RECOMMENDED, mode: Mode = Mode.APPROVE
) -> State[Resolution]:
    """
    Find out what is wrong with a canary that is on and, once that is allowed, put it right.

    Args:
        target: The page whose canary misbehaves.
        fix: What to do about it; recommended is what the diagnosis calls for.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
    """
    look = partial(diagnose_canary, target, fix)
    diagnosis = look()

    if diagnosis.plan is None:
        return report(diagnosis.outcome, diagnosis)

    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)

    return report(decision, diagnosis)
