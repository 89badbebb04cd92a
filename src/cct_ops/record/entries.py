"""The rows of the ledger that an account is told from, each of which tells its own entries."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.deliveries import REPEATED
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.base import Frozen
from cct_ops.models.run import Evidence

CONTROLLER = Actor(kind=ActorKind.OURS, name="controller")
NOTIFIER = Actor(kind=ActorKind.OURS, name="notifier")


class Topic(NamedTuple):
    """What an account is about: an incident, None where there is none, and all its runs."""

    incident_id: UUID | None
    run_ids: tuple[UUID, ...]

    def runs(self, column: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
        """Choose the rows of its runs."""
        return column == sa.any_(sa.cast(list(self.run_ids), sa.ARRAY(sa.Uuid)))

    def incident(self, column: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
        """Choose the rows of its incident."""
        return column == sa.cast(self.incident_id, sa.Uuid)


class Row(Frozen):
    """One row, with the fields that the account needs of it."""

    table: ClassVar[str]
    id: UUID | int | str

    @classmethod
    @abstractmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select the rows about a topic, with a column for each field."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Tell what the row knows."""

    def entry(
        self,
        at: datetime,
        kind: EntryKind,
        actor: Actor,
        text: str,
        facts: Mapping[str, object] | None = None,
        *,
        run_id: UUID | None = None,
        evidence: tuple[Evidence, ...] = (),
    ) -> Entry:
        """Return an entry that is told from this row; facts that are not known are left out."""
        known = {
            name: written(value) for name, value in (facts or {}).items() if value not in (None, "")
        }
        return Entry(
            at=at,
            kind=kind,
            actor=actor,
            text=text,
            row=f"{self.table} {self.id}",
            run_id=run_id,
            facts=known,
            evidence=evidence,
        )


def fields_of(row: type[Row], table: sa.Table) -> list[sa.Column[object]]:
    """Return the columns of a table that bear the names of a row's fields."""
    return [table.c[name] for name in row.model_fields if name in table.c]


def playbook(name: str | None) -> Actor:
    """Return a playbook as what did something."""
    return Actor(kind=ActorKind.PLAYBOOK, name=name or "a run")


def proof_of(admitted_by: str | None) -> str | None:
    """Return what a delivery was admitted by: a key, or the person who let it come in again."""
    if admitted_by is None or admitted_by.startswith(REPEATED):
        return admitted_by
    return f"the key {admitted_by}"


def written(value: object) -> str:
    """Return a fact as text; a moment as UTC."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return str(value)


def because(reason: str | None) -> str:
    """Return a reason as the end of a sentence."""
    return f": {reason}" if reason else ""
