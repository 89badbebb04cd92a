"""The sweep of ends that nobody heard of: who was asked for a yes is told what became of it."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.people import owed_ends
from cct_ops.ledger.record import account
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import Run
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import outcome_message

# Whoever writes an end down first, and tells of it then, is given so long for the word.
GRACE_SECONDS = 30.0

_log = logging.getLogger(__name__)


def sweep(engine: sa.Engine, notifier: Notifier, *, grace_seconds: float = GRACE_SECONDS) -> int:
    """Tell who waits of each end that was not said when it came; returns of how many."""
    owed = owed_ends.listed(engine, grace_seconds)
    return border(engine, "ends of approved runs").each(owed, str, partial(_tell, engine, notifier))


def _tell(engine: sa.Engine, notifier: Notifier, run_id: UUID) -> None:
    ended = owed_ends.find_end(engine, run_id)
    if ended is None or not notifier.reaches_somebody or not owed_ends.is_awaited(engine, run_id):
        owed_ends.forget(engine, run_id)
        return
    with owed_ends.saying(engine, run_id) as first:
        if not first:
            return
        run = Run(
            id=ended.run_id,
            name=str(ended.run_id),
            playbook=ended.playbook,
            incident_id=ended.incident_id,
        )
        known = account.of_run(engine, run.id)
        commands = manual.after(ended.outcome, run, ended.target, known, None)
        severity = known.decisions[-1].severity if known.decisions else None
        needs_person = ended.outcome.needs_attention
        notifier.send(
            outcome_message(
                run, ended.target, ended.outcome, ended.reason, run_link(run.id), commands
            ),
            Topic.of(run, ended.target, ended.outcome, severity, needs_person=needs_person),
        )
        _log.warning("People had not heard how run %s ended, and were told now.", run.id)
