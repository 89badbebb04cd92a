"""
The time of a temporary change is over, or somebody ends it early: put back what was before.

Runbook: docs/runbooks/revert_change.md
Blast radius: the one value that the change had set; a value that others set since is left alone.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.change import Early
from cct_ops.models.run import Id, Resolution
from tasks.attempts import one_attempt
from tasks.names import named
from tasks.report import report, report_failure, reported
from tasks.reversion import end_change, read_change


@one_attempt
@flow(
    name="revert-change",
    flow_run_name=named("revert-change", "change_id"),
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def revert_change(change_id: Id, now: Early = False) -> State[Resolution]:
    """
    Read the change's time again and, if it is over, compare and restore.

    Args:
        change_id: The temporary change, see `cct-ops changes`.
        now: End it although its time is not over.
    """
    diagnosis = end_change(read_change(change_id), early=now)

    return report(diagnosis.outcome, diagnosis)
