"""
Who was asked to take an incident on, and by whom.

Being asked is not having it: pages go on until somebody acknowledges. The newest row holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config.people import Known
from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import now
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people import p0_incidents, pages
from cct_ops.ledger.people.acknowledgements import Acknowledgement, holders
from cct_ops.ledger.people.p0_incidents import Severe
from cct_ops.ledger.people.tables import assignments, pages as page_rows
from cct_ops.ledger.statements import Ledger, read, rows
from cct_ops.models.base import Frozen


class Assignment(Frozen):
    """One person's word that another one is to take an incident on."""

    id: int
    incident_id: UUID
    person: str
    assigned_by: str
    at: datetime


Words = Callable[[Severe, str], tuple[str, str]]
"""Makes what the person is told: a subject and a body, from the incident and who asks."""


def record(
    engine: sa.Engine, incident_id: UUID, asked: Known, by: str, proof: str, words: Words
) -> Assignment:
    """
    Record who is asked, and have that person told where a file says how.

    Raises ``NotPermitted`` where there is no such incident, it is over, or the person is asked or
    has it already.
    """
    person = asked.name
    with engine.begin() as tx:
        # In turn: of two at once the second sees the first.
        locked = sa.select(incidents.c.state).where(incidents.c.id == incident_id)
        state = tx.execute(locked.with_for_update()).scalar_one_or_none()
        if state != "open":
            why = "it is over" if state else "there is none of this id"
            raise NotPermitted(f"Incident {incident_id} cannot be assigned: {why}.")
        had = holders(tx, [incident_id])
        holder = had.get(incident_id)
        if holder is not None and holder.person == person:
            raise NotPermitted(f"{person} has this incident since {holder.at:%H:%M:%S} UTC.")
        before = newest(tx, [incident_id], had).get(incident_id)
        if before is not None and before.person == person:
            raise NotPermitted(
                f"It was assigned to {person} by {before.assigned_by} at {before.at:%H:%M:%S} UTC."
            )
        made = sa.insert(assignments).values(
            incident_id=incident_id, person=person, assigned_by=by, proof=proof
        )
        row = tx.execute(made.returning(*_COLUMNS)).one()
        taken_back = sa.update(page_rows).where(
            page_rows.c.topic_id == incident_id,
            page_rows.c.addressee.is_not(None),
            page_rows.c.ended_at.is_(None),
        )
        tx.execute(taken_back.values(ended_at=now(), note=f"It was assigned to {person} since."))
        if asked.id is not None:
            subject, body = words(p0_incidents.read(tx, incident_id), by)
            cause, to = f"assignment {row.id}", asked.id
            pages.ask(tx, cause, subject=subject, body=body, topic_id=incident_id, addressee=to)
    return Assignment.model_validate(row, from_attributes=True)


def newest(
    ledger: Ledger, incident_ids: Collection[UUID], had: Mapping[UUID, Acknowledgement]
) -> dict[UUID, Assignment]:
    """
    Return who is asked to take on which of these incidents, where nobody took it since.

    ``had`` says who has which of them.
    """
    found = (
        sa.select(*_COLUMNS)
        .where(assignments.c.incident_id.in_(incident_ids))
        .distinct(assignments.c.incident_id)
        .order_by(assignments.c.incident_id, assignments.c.id.desc())
    )
    return {
        each.incident_id: each
        for each in read(ledger, Assignment, found)
        if each.incident_id not in had or had[each.incident_id].at < each.at
    }


def told(ledger: Ledger, asked: Assignment) -> str:
    """Say whether the person was told of it, and how."""
    page = page_rows.c.cause == f"assignment {asked.id}"
    found = rows(ledger, sa.select(page_rows.c.contact, page_rows.c.attempts).where(page))
    if not found:
        return "whom no file says how to reach"
    contact, attempts = found[0]
    if contact is not None:
        return "who was told"
    return "who could not be told yet" if attempts else "who is being told"


_COLUMNS = tuple(assignments.c[name] for name in Assignment.model_fields)
