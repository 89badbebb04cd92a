"""
The exemption system fails: wrong counts, expired exemptions still active, invalid records, no JIRA.

Runbook: docs/runbooks/exemption_failure.md
Blast radius: exemptions, hence which code may break a rule; no traffic.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.exemption_failure import Fix
from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose_exemptions import diagnose_exemptions
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="exemption-failure",
    flow_run_name="exemption-failure {fix}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def exemption_failure(fix: Fix = Fix.RECOMMENDED, mode: Mode = Mode.APPROVE) -> State[Resolution]:
    """
    Find out what is wrong with the exemption system, put it right, and test its report.

    Args:
        fix: What the diagnosis recommends, or a fix of the runbook; reset loses records for good.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
    """
    look = partial(diagnose_exemptions, fix)
    diagnosis = look()

    if diagnosis.plan is None:
        return report(diagnosis.outcome, diagnosis)

    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)

    return report(decision, diagnosis)
