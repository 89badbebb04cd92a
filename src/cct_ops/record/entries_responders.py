"""Who took an incident on, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa

from cct_ops.ledger.people.tables import acknowledgements
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.record.entries import Row, Topic, fields_of


class AcknowledgementRow(Row):
    """Somebody's word that the incident is theirs."""

    table: ClassVar[str] = "acknowledgements"
    person: str
    proof: str
    at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the incident."""
        return sa.select(*fields_of(cls, acknowledgements)).where(
            topic.incident(acknowledgements.c.incident_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell who has it from then on."""
        by = Actor(kind=ActorKind.PERSON, name=self.person, proof=self.proof)
        words = f"acknowledged by {self.person}: pages about it stop"
        yield self.entry(self.at, EntryKind.ACKNOWLEDGEMENT, by, words)


RESPONDERS: tuple[type[Row], ...] = (AcknowledgementRow,)
