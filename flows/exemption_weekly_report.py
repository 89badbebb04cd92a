"""
The weekly report on exemptions: how many there are, whose they are, and what ends soon.

Runs on Mondays at 09:00 UTC, and by hand. Runbook: docs/runbooks/exemption_weekly_report.md
Blast radius: none; it changes nothing.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.outcome import Resolution
from tasks.diagnose_exemptions import diagnose_week
from tasks.publish import publish_weekly
from tasks.report import report, report_failure


@flow(
    name="exemption-weekly-report",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
def exemption_weekly_report() -> State[Resolution]:
    """Report on exemptions, as a table and a chart, and write the issue that a warning deserves."""
    diagnosis = diagnose_week()
    publish_weekly(diagnosis)
    return report(diagnosis.outcome, diagnosis)
