"""
Exemptions stay active past their date until a cleanup marks them as expired.

Runs every day, and by hand. Runbook: docs/runbooks/exemption_cleanup.md
Blast radius: exemptions past their date; code that needs one of them fails its check again.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose_exemptions import diagnose_cleanup
from tasks.publish import publish_expired
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="exemption-cleanup",
    flow_run_name="exemption-cleanup {mode}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def exemption_cleanup(mode: Mode = Mode.APPROVE) -> State[Resolution]:
    """
    Mark exemptions as expired whose date is past, and say whose they were.

    Args:
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
    """
    diagnosis = diagnose_cleanup()

    if diagnosis.plan is None:
        return report(diagnosis.outcome, diagnosis)

    with authorise(diagnosis, mode, again=diagnose_cleanup) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)

    publish_expired(decision, diagnosis)
    return report(decision, diagnosis)
