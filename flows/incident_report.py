"""
How many incidents there were, what was done about them, how they ended and how long it took.

Mondays, and by hand. Runbook: docs/runbooks/incident_report.md
Blast radius: none; it only reads the ledger.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.run import Resolution
from cct_ops.models.since import Since
from tasks.attempts import one_attempt
from tasks.figures import publish_incidents, reckon_incidents
from tasks.report import report, report_failure, reported


@one_attempt
@flow(
    name="incident-report",
    flow_run_name="incident-report since {since}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def incident_report(since: Since = "7d") -> State[Resolution]:
    """
    Reckon the numbers of a time and show them as tables, with the incidents behind each.

    Args:
        since: From then until now, for example 12h, 7d or 2026-11-24T18:30 (UTC).
    """
    reckoned = reckon_incidents(since)
    publish_incidents(reckoned)

    return report(reckoned.diagnosis.outcome, reckoned.diagnosis)
