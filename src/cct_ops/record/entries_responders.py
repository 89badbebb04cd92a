"""What people did about an incident: who has it, what they noted, which ends they moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.declared_tables import asked_ends, extensions
from cct_ops.ledger.gate.tables import temporary_changes
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


class ExtensionRow(Row):
    """A later end of a temporary change of one of the runs, or by one of them."""

    table: ClassVar[str] = "extensions"
    call: str
    run_id: UUID | None
    until: datetime
    reason: str
    person: str
    at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs' changes."""
        return _of_changes(cls, extensions, topic)

    def entries(self) -> Iterator[Entry]:
        """Tell who let it last until when, and why."""
        by = Actor(kind=ActorKind.PERSON, name=self.person)
        until = f"{self.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        words = f"{self.call} was extended until {until}: {self.reason}"
        yield self.entry(self.at, EntryKind.TEMPORARY, by, words, run_id=self.run_id)


class AskedEndRow(Row):
    """Somebody's word that a temporary change of one of the runs is to end now."""

    table: ClassVar[str] = "asked_ends"
    call: str
    run_id: UUID | None
    person: str
    at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs' changes."""
        return _of_changes(cls, asked_ends, topic)

    def entries(self) -> Iterator[Entry]:
        """Tell who wanted it to end."""
        by = Actor(kind=ActorKind.PERSON, name=self.person)
        words = f"{self.call} was asked to end now"
        yield self.entry(self.at, EntryKind.TEMPORARY, by, words, {"run": self.run_id})


def _of_changes(row: type[Row], table: sa.Table, topic: Topic) -> sa.Select[tuple[object, ...]]:
    method = temporary_changes.c.call["method"].astext.label("call")
    return (
        sa.select(*fields_of(row, table), method)
        .join(temporary_changes, temporary_changes.c.id == table.c.change_id)
        .where(topic.runs(temporary_changes.c.run_id) | topic.runs(table.c.run_id))
    )


RESPONDERS: tuple[type[Row], ...] = (
    AcknowledgementRow,
    AssignmentRow,
    NoteRow,
    ExtensionRow,
    AskedEndRow,
)
