"""What people write down about an incident: plain text, for whoever reads its account."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.tables import notes
from cct_ops.models.base import counted
from cct_ops.redaction import redact

LONGEST = 2000
"""How many characters a note may have."""


def checked(text: str) -> str:
    """Return a note as it is kept; raises ``BadConfiguration`` if it is empty or too long."""
    lines = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if not lines:
        raise BadConfiguration("nothing was noted: the note is empty")
    if len(lines) > LONGEST:
        raise BadConfiguration(
            f"nothing was noted: a note has {LONGEST} characters at most, and this has"
            f" {counted(len(lines), 'character')}"
        )
    return redact(lines)


def record(
    engine: sa.Engine, incident_id: UUID, text: str, person: str, proof: str, once: UUID
) -> bool:
    """
    Write a note down, ``once`` for its id; False if it stood there already.

    Raises ``NotPermitted`` where there is no such incident, ``BadConfiguration`` for the text.
    """
    kept = checked(text)
    with engine.begin() as tx:
        known = sa.select(incidents.c.id).where(incidents.c.id == incident_id)
        if tx.execute(known).scalar_one_or_none() is None:
            raise NotPermitted(f"There is no incident {incident_id}.")
        made = insert(notes).values(
            id=once, incident_id=incident_id, text=kept, person=person, proof=proof
        )
        return tx.execute(made.on_conflict_do_nothing().returning(notes.c.id)).first() is not None
