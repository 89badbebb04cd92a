"""
A temporary change must last longer than was planned.

Runbook: docs/runbooks/extend_change.md
Blast radius: none by itself; what the change weakened stays weak for longer.
"""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from cct_ops.models.change import Reason
from cct_ops.models.run import Id, Resolution
from tasks.attempts import one_attempt
from tasks.authorise import gate
from tasks.report import report, report_failure, reported


@one_attempt
@flow(
    name="extend-change",
    flow_run_name="extend-change {change_id} by {minutes} minutes",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def extend_change(
    change_id: Id, minutes: Annotated[int, Field(ge=1, le=1440)], reason: Reason
) -> State[Resolution]:
    """
    Move the end of a temporary change, as far as policy allows, and schedule its revert anew.

    Args:
        change_id: The temporary change, see `cct-ops changes`.
        minutes: How long from now it shall last.
        reason: Why it has to last longer; kept in the record.
    """
    diagnosis = gate().extend(change_id, minutes, reason)

    return report(diagnosis.outcome, diagnosis)
