"""
How many exemptions there are, whose, and what ends soon; too many of them deserve an issue.

Mondays, and by hand. Runbook: docs/runbooks/exemption_weekly_report.md
Blast radius: one issue in CCT's repository.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose_exemptions import diagnose_week
from tasks.publish import publish_weekly
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="exemption-weekly-report",
    flow_run_name="exemption-weekly-report {mode}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def exemption_weekly_report(mode: Mode = Mode.APPROVE) -> State[Resolution]:
    """
    Report on exemptions, as a table and a chart, and open the issue that a warning deserves.

    Args:
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
    """
    diagnosis = diagnose_week()
    publish_weekly(diagnosis)
    if diagnosis.plan is None:
        return report(diagnosis.outcome, diagnosis)

    with authorise(diagnosis, mode, again=diagnose_week) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)
    return report(decision, diagnosis)
