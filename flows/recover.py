"""
A run died in the middle of its change: find out what took effect, and put it back.

Runbook: docs/runbooks/recover.md
Blast radius: what the dead run was allowed to change, and nothing else.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.run import Id, Resolution
from tasks.attempts import one_attempt
from tasks.names import named
from tasks.recovery import crashed_run, diagnose_crash, report_recovery, take_back
from tasks.report import report_failure, reported


@one_attempt
@flow(
    name="recover",
    flow_run_name=named("recover", "run_id"),
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def recover(run_id: Id) -> State[Resolution]:
    """
    Lock a dead run out, read back what it had begun, and take that back in reverse order.

    Args:
        run_id: The run that died; it must show no sign of life.
    """
    with crashed_run(run_id) as (crash, token):
        diagnosis = diagnose_crash(crash)
        take_back(crash, token, diagnosis)

    return report_recovery(crash, diagnosis)
