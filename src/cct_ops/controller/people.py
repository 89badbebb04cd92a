"""Urgent notices: a run that died, a change that is overdue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.record import account
from cct_ops.models.run import Run
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import notice

_log = logging.getLogger(__name__)


def notify(notifier: Notifier, text: str, topic: Topic, commands: Sequence[str]) -> None:
    """Say it in the log and to people, with what they type; raises when Slack does not take it."""
    _log.error("%s", text)
    notifier.send(notice(text, commands), topic, urgent=True)


def changed_by(engine: sa.Engine, run_id: UUID, playbook: str) -> Run:
    """Return the run that changed something, as the ledger knows it: Prefect may have lost it."""
    incident_id = account.incident_of(engine, run_id)
    return Run(id=run_id, name=str(run_id), playbook=playbook, incident_id=incident_id)
