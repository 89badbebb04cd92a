"""Who took a run over, and when it had stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.takeover_tables import takeovers
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.takeover import Choice
from cct_ops.record.entries import Row, Topic, fields_of, playbook


class TakeoverRow(Row):
    """Somebody's word on a run at work."""

    table: ClassVar[str] = "takeovers"
    run_id: UUID
    playbook: str
    choice: str
    person: str
    proof: str
    reason: str
    held_until: datetime | None
    at: datetime
    stopped_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(*fields_of(cls, takeovers)).where(topic.runs(takeovers.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell who took it over, what was chosen and why, and when the run had stopped."""
        by = Actor(kind=ActorKind.PERSON, name=self.person, proof=self.proof)
        words = f"{self.person} took the run over ({self.choice}): {self.reason}"
        facts = {"choice": self.choice, "automation leaves the target until": self.held_until}
        yield self.entry(self.at, EntryKind.TAKEOVER, by, words, facts, run_id=self.run_id)
        if self.stopped_at is not None:
            seconds = (self.stopped_at - self.at).total_seconds()
            did = "changes nothing more" if self.choice == Choice.WATCH else "had stopped"
            yield self.entry(
                self.stopped_at,
                EntryKind.TAKEOVER,
                playbook(self.playbook),
                f"the run {did}, {seconds:.1f} s after {self.person}'s word",
                run_id=self.run_id,
            )


TAKEOVERS: tuple[type[Row], ...] = (TakeoverRow,)
