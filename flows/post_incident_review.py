"""
An incident is over: its review is written from the record, with blanks for what only people know.

Runbook: docs/runbooks/post_incident_review.md
Blast radius: none; it only reads, and writes new files.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cct_ops.models.run import Id
from tasks.attempts import one_attempt
from tasks.report import report_failure, reported
from tasks.review import read_review, write_review


@one_attempt
@flow(
    name="post-incident-review",
    flow_run_name="post-incident-review",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def post_incident_review(run_id: Id | None = None, incident_id: Id | None = None) -> State[str]:
    """
    Write the review of an incident and all runs about it.

    Args:
        run_id: A run of any playbook, as its page in Prefect shows it; its incident is reviewed.
        incident_id: An incident in the ledger, as reports name it; used if no run is given.
    """
    found = read_review(run_id, incident_id)
    path = write_review(found)
    return Completed(name="Written", message=f"Written to {path}.", data=str(path))
