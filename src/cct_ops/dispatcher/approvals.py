"""
The end of requests for approval that nobody answered.

Prefect runs nothing of a flow whose suspension times out, so its timeout is set far beyond ours and
this sweep ends such runs: it resumes them, and they find in the ledger that they may not act.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound

from cct_ops.ledger import approvals, record
from cct_ops.ledger.approvals import Approval
from cct_ops.models.outcome import Outcome
from cct_ops.models.run import Run

_log = logging.getLogger(__name__)

# The form's required fields, so that Prefect lets the run go on; the flow reads the ledger instead.
_NO_ANSWER = {"decision": "decline", "name": "nobody", "note": "Nobody answered in time."}


def sweep(engine: sa.Engine) -> int:
    """End the runs whose requests are overdue; returns how many were ended."""
    overdue = approvals.overdue(engine)
    if not overdue:
        return 0
    with get_client(sync_client=True) as client:
        return sum(_end(engine, client, approval) for approval in overdue)


def _end(engine: sa.Engine, client: SyncPrefectClient, approval: Approval) -> bool:
    try:
        run = client.read_flow_run(approval.run_id)
    except ObjectNotFound:
        run = None
    state = run.state if run else None

    if run is not None and state is not None and not state.is_final() and not state.is_paused():
        return False  # an answer was given and the run is on its way to read it
    if not approvals.expire(engine, approval.id):
        return False
    if run is not None and state is not None and state.is_paused():
        answer = client.resume_flow_run(run.id, run_input=_NO_ANSWER)
        if answer.status is not SetStateStatus.ACCEPT:
            _log.warning("Run %s could not be resumed: %s", run.id, answer.details)
            return False
    elif run is None or record.of_run(engine, approval.run_id).outcome is None:
        # Cancelled, failed or deleted while it was suspended: nothing else will ever report it.
        record.conclude(
            engine,
            Run(
                id=approval.run_id,
                name=run.name if run else str(approval.run_id),
                playbook=approval.playbook,
                incident_id=approval.incident_id,
            ),
            approval.target,
            Outcome.EXPIRED,
            "The run was ended while it waited for approval.",
        )
    approvals.settle(engine, approval.id)
    _log.info("Approval %s of run %s expired unanswered.", approval.id, approval.run_id)
    return True
