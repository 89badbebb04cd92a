"""
The log of a run as a story: what was seen, concluded, planned, decided, done and verified.

Prefect's engine notes the end of every task as well ("Finished in state Completed()"), which says
nothing that the story does not say better, so that is left out of the logs of our runs.
"""

from __future__ import annotations

import logging

from prefect import get_run_logger

from cct_ops.errors import OpsError
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import Run
from cct_ops.models.verification import Verification
from cct_ops.reports.links import incident_page

_ENGINE = "task_engine"  # the module of Prefect that runs tasks


def begins() -> None:
    """Let this process log its run as a story; doing so twice changes nothing."""
    logging.getLogger("prefect.task_runs").addFilter(_worth_logging)


def shown_on_board(run: Run) -> None:
    """Log where the board shows it, while it runs and ever after."""
    if page := incident_page(run.incident_id or run.id):
        get_run_logger().info("On the board: %s", page)


def concluded(diagnosis: Diagnosis) -> None:
    """Log what was seen, and the conclusion."""
    log = get_run_logger()
    for fact in diagnosis.evidence:
        log.info("Seen: %s: %s. %s", fact.source, fact.observed.rstrip("."), fact.meaning)
    log.info("Concluded: %s", diagnosis.headline)


def planned(plan: Plan) -> None:
    """Log what is to be done about it."""
    get_run_logger().info("Planned: %s Steps: %s.", plan.summary, ", ".join(map(str, plan.calls)))


def decided(what: str, reason: str) -> None:
    """Log what was decided about the plan, and why."""
    get_run_logger().info("Decided: %s. %s", what, reason)


def done(call: Call) -> None:
    """Log that a call was carried out and its effect was seen."""
    get_run_logger().info("Done: %s, and its effect was seen.", call)


def verified(found: Verification) -> None:
    """Log how the watch after the change ended."""
    get_run_logger().info("Verified: %s. %s", found.verdict, found.reason)


def warned(sentence: str, *arguments: object) -> None:
    """Log what did not go as it should."""
    get_run_logger().warning(sentence, *arguments)


def _worth_logging(record: logging.LogRecord) -> bool:
    """Drop what Prefect's engine says of a task, but for the traceback of a fault in our code."""
    if record.module != _ENGINE:
        return True
    if record.getMessage().startswith(("Finished in state", "Created task run")):
        return False
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, OpsError)
