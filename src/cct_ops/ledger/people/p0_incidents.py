"""
Incidents of the highest severity: somebody is woken for each, and the public is informed.

An incident is P0 when its alert says so, or when a playbook concluded it. Incidents that were
grouped under another one are not among them: the one that stands for them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.intake.outbox import GROUPED
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.people.pages import FRESH_HOURS, OF_INCIDENT
from cct_ops.ledger.people.tables import pages, slack_threads
from cct_ops.ledger.record.tables import decisions
from cct_ops.ledger.statements import Ledger, rows, scalars
from cct_ops.models.base import Frozen
from cct_ops.models.run import Severity

# By then it is decided whether the incident is one of a burst, unless the controller is busy.
_ROUTING_SECONDS = 15.0
# A Slack that was away for longer gets the thread with the first word in it.
_NEW_SECONDS = 600.0


class Severe(Frozen):
    """One open P0 incident."""

    id: UUID
    source: str
    labels: dict[str, str]
    annotations: dict[str, str]


def unpaged(engine: sa.Engine, labels: Sequence[str]) -> list[UUID]:
    """Return the open P0 incidents that nobody was paged about."""
    paged = sa.exists().where(
        pages.c.cause == sa.literal(OF_INCIDENT) + sa.cast(incidents.c.id, sa.Text)
    )
    wanted = sa.select(incidents.c.id).where(is_severe(labels), incidents.c.state == "open", ~paged)
    return scalars(engine, wanted.order_by(incidents.c.opened_at))


def unthreaded(engine: sa.Engine) -> list[UUID]:
    """Return the open P0 incidents that were paged about just now and have no thread in Slack."""
    threaded = sa.exists().where(
        slack_threads.c.topic_id == incidents.c.id, slack_threads.c.ts.is_not(None)
    )
    paged = pages.c.cause == sa.literal(OF_INCIDENT) + sa.cast(incidents.c.id, sa.Text)
    wanted = (
        sa.select(incidents.c.id)
        .join(pages, pages.c.topic_id == incidents.c.id)
        .where(pages.c.raised_at > in_seconds(-_NEW_SECONDS), paged)
        .where(incidents.c.state == "open", ~threaded)
    )
    return scalars(engine, wanted.order_by(incidents.c.opened_at))


def read(ledger: Ledger, incident_id: UUID) -> Severe:
    """Return what a page says of an incident."""
    wanted = sa.select(incidents).where(incidents.c.id == incident_id)
    (found,) = rows(ledger, wanted)
    return Severe.model_validate(found, from_attributes=True)


def is_severe(labels: Sequence[str]) -> sa.ColumnElement[bool]:
    """True where an incident is P0, recent and its own; ``labels`` are alerts' words for P0."""
    concluded = sa.exists().where(
        decisions.c.incident_id == incidents.c.id, decisions.c.severity == Severity.P0
    )
    undecided = sa.exists().where(
        dispatches.c.incident_id == incidents.c.id,
        (dispatches.c.state == GROUPED)
        | (
            (dispatches.c.state == "pending")
            & (incidents.c.opened_at > in_seconds(-_ROUTING_SECONDS))
        ),
    )
    said = sa.func.lower(incidents.c.labels["severity"].astext).in_(list(labels))
    return sa.and_(
        said | concluded, ~undecided, incidents.c.opened_at > in_seconds(-FRESH_HOURS * 3600)
    )
