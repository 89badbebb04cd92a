"""
Who has an incident: somebody who said so, which stops the pages about it.

The newest word holds: whoever acknowledges what another one has takes it over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.tables import acknowledgements
from cct_ops.ledger.statements import Ledger, read, rows
from cct_ops.models.base import Frozen
from cct_ops.models.topic import Held


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
    with _in_turn(engine, incident_id) as (tx, had):
        return _write(tx, incident_id, person, proof, had)


def record_as_seen(
    engine: sa.Engine, incident_id: UUID, person: str, proof: str, *, seen: int | None
) -> Acknowledgement:
    """
    Record it as ``record`` does, if whoever had it when the person decided has it still.

    ``seen`` is the number of the acknowledgement that the person saw, None of none. So the same
    decision, however often it arrives, counts once.
    """
    with _in_turn(engine, incident_id) as (tx, had):
        if had.number != seen and had.person not in {None, person}:
            raise NotPermitted(
                f"Nothing was done: {had.person} has this incident since {had.at:%H:%M:%S} UTC."
            )
        return _write(tx, incident_id, person, proof, had)


def take_on(tx: sa.Connection, incident_id: UUID, person: str, proof: str) -> None:
    """Let the person have an incident, within the caller's transaction, if it is open."""
    tx.execute(sa.select(incidents.c.id).where(incidents.c.id == incident_id).with_for_update())
    had = held(tx, incident_id)
    if had is not None and had.open and had.person != person:
        _write(tx, incident_id, person, proof, had)


@contextmanager
def _in_turn(engine: sa.Engine, incident_id: UUID) -> Iterator[tuple[sa.Connection, Held]]:
    """Yield who has an open incident, held until the block ends: the second sees the first."""
    with engine.begin() as tx:
        tx.execute(sa.select(incidents.c.id).where(incidents.c.id == incident_id).with_for_update())
        had = held(tx, incident_id)
        if had is None or not had.open:
            why = "it is over" if had else "there is none of this id"
            raise NotPermitted(f"Incident {incident_id} cannot be acknowledged: {why}.")
        yield tx, had


def _write(
    tx: sa.Connection, incident_id: UUID, person: str, proof: str, had: Held
) -> Acknowledgement:
    if had.person == person:
        raise NotPermitted(f"You have this incident since {had.at:%H:%M:%S} UTC.")
    made = sa.insert(acknowledgements).values(incident_id=incident_id, person=person, proof=proof)
    row = tx.execute(made.returning(*_COLUMNS)).one()
    outbox.wake(tx)  # pages that are due end at once
    return Acknowledgement.model_validate(row, from_attributes=True)


def held(ledger: Ledger, incident_id: UUID) -> Held | None:
    """Return whether an incident is open and who has it; None where there is none of this id."""
    newest = (
        sa.select(acknowledgements.c.id, acknowledgements.c.person, acknowledgements.c.at)
        .where(acknowledgements.c.incident_id == incident_id)
        .order_by(acknowledgements.c.id.desc())
        .limit(1)
        .subquery()
    )
    asked = sa.select(
        (incidents.c.state == "open").label("open"), newest.c.person, newest.c.at, newest.c.id
    )
    with_holder = asked.select_from(incidents.outerjoin(newest, sa.true()))
    for row in rows(ledger, with_holder.where(incidents.c.id == incident_id)):
        return Held(open=row.open, person=row.person, number=row.id, at=row.at)
    return None


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
