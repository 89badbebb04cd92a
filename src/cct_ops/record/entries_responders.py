"""Who took an incident on, who was asked to, and what people wrote down about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa

from cct_ops.ledger.people.tables import acknowledgements, assignments, notes
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


class AssignmentRow(Row):
    """Somebody's word that another person is to take the incident on."""

    table: ClassVar[str] = "assignments"
    person: str
    assigned_by: str
    proof: str
    at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the incident."""
        return sa.select(*fields_of(cls, assignments)).where(
            topic.incident(assignments.c.incident_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell who asked whom."""
        by = Actor(kind=ActorKind.PERSON, name=self.assigned_by, proof=self.proof)
        words = f"assigned to {self.person} by {self.assigned_by}"
        yield self.entry(self.at, EntryKind.ASSIGNMENT, by, words)


class NoteRow(Row):
    """What somebody wrote down."""

    table: ClassVar[str] = "notes"
    person: str
    proof: str
    text: str
    at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the incident."""
        return sa.select(*fields_of(cls, notes)).where(topic.incident(notes.c.incident_id))

    def entries(self) -> Iterator[Entry]:
        """Tell it as it was written, lines and all."""
        by = Actor(kind=ActorKind.PERSON, name=self.person, proof=self.proof)
        yield self.entry(self.at, EntryKind.NOTE, by, self.text)


RESPONDERS: tuple[type[Row], ...] = (AcknowledgementRow, AssignmentRow, NoteRow)
