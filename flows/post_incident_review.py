"""
An incident is over: its review is written from the record, with blanks for what only people know.

Runbook: docs/runbooks/post_incident_review.md
Blast radius: none; it only reads, and writes new files.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cct_ops.models.run import Subject
from tasks.attempts import one_attempt
from tasks.report import report_failure, reported
from tasks.review import read_review, write_review


@one_attempt
@flow(
    name="post-incident-review",
    flow_run_name="post-incident-review of {about}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def post_incident_review(about: Subject) -> State[str]:
    """
    Write the review of an incident and all runs about it.

    Args:
        about: An incident as reports and Slack name it, or any run about it as Prefect names it.
    """
    found = read_review(about)
    path = write_review(found)
    return Completed(name="Written", message=f"Written to {path}.", data=str(path))
