"""
Who has an incident: somebody who said so, which stops the pages about it.

The newest word holds: whoever acknowledges what another one has takes it over.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.tables import acknowledgements
from cct_ops.ledger.statements import Ledger, read
from cct_ops.models.base import Frozen


class Acknowledgement(Frozen):
    """One person's word that an incident is theirs, and what proves that it was that person."""

    incident_id: UUID
    person: str
    proof: str
    at: datetime


def record(engine: sa.Engine, incident_id: UUID, person: str, proof: str) -> Acknowledgement:
    """
    Record that the person has the incident; no page about it goes out from now on.

    Raises ``NotPermitted`` where there is no such incident, it is over, or the person has it.
    """
    with engine.begin() as tx:
        # In turn: of two at once the second sees the first.
        asked = sa.select(incidents.c.state).where(incidents.c.id == incident_id).with_for_update()
        state = tx.execute(asked).scalar_one_or_none()
        if state != "open":
            why = "it is over" if state else "there is none of this id"
            raise NotPermitted(f"Incident {incident_id} cannot be acknowledged: {why}.")
        had = holders(tx, [incident_id]).get(incident_id)
        if had is not None and had.person == person:
            raise NotPermitted(f"You have this incident since {had.at:%H:%M:%S} UTC.")
        made = sa.insert(acknowledgements).values(
            incident_id=incident_id, person=person, proof=proof
        )
        row = tx.execute(made.returning(*_COLUMNS)).one()
        outbox.wake(tx)  # pages that are due end at once
    return Acknowledgement.model_validate(row, from_attributes=True)


def holders(ledger: Ledger, incident_ids: Collection[UUID]) -> dict[UUID, Acknowledgement]:
    """Return who has which of these incidents."""
    newest = (
        sa.select(*_COLUMNS)
        .where(acknowledgements.c.incident_id.in_(incident_ids))
        .distinct(acknowledgements.c.incident_id)
        .order_by(acknowledgements.c.incident_id, acknowledgements.c.id.desc())
    )
    return {each.incident_id: each for each in read(ledger, Acknowledgement, newest)}


def acknowledged(
    incident_id: sa.ColumnElement[UUID], *since: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """True where somebody has the incident, by an acknowledgement that fulfils all of these."""
    return sa.exists().where(acknowledgements.c.incident_id == incident_id, *since)


_COLUMNS = tuple(acknowledgements.c[name] for name in Acknowledgement.model_fields)
