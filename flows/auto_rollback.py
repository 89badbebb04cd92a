"""
A canary takes no traffic: auto-rollback pulled it for an SLO breach, or somebody switched it off.

Runbook: docs/runbooks/auto_rollback.md
Blast radius: the canary's share of one route; stable keeps serving throughout.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.cct import Route
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome, Resolution
from tasks.actions import perform_all
from tasks.authorise import authorise
from tasks.diagnose import diagnose_rollback
from tasks.report import report, report_failure
from tasks.verify import verify


@flow(
    name="auto-rollback",
    flow_run_name="auto-rollback {target}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
def auto_rollback(
    target: Route,
    mode: Mode = Mode.APPROVE,
    incident_id: str | None = None,
    redeploy: bool = False,
) -> State[Resolution]:
    """
    Find out why a canary takes no traffic and, once that is allowed, put it back.

    Args:
        target: The page whose canary is off.
        mode: The most that this run may do.
        incident_id: The incident in the ledger; empty for a manual run.
        redeploy: Start the deploy workflow instead of putting the canary back; always asks.
    """
    look = partial(diagnose_rollback, target, redeploy=redeploy)
    diagnosis = look()

    if diagnosis.plan is None:
        return report(Outcome.NOTHING_TO_DO, diagnosis)

    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)

    return report(decision, diagnosis)
