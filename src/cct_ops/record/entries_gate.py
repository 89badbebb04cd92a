"""What a run was permitted, did, verified and put back, as entries of an account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import actions, permits, temporary_changes
from cct_ops.ledger.record.tables import verifications
from cct_ops.models.account import Entry, EntryKind
from cct_ops.models.base import counted
from cct_ops.models.plan import Call, PermitKind
from cct_ops.record.entries import CONTROLLER, Row, Topic, because, fields_of, playbook

_STATES = {
    "intended": "sent or about to be: whether it took effect is not known",
    "confirmed": "took effect",
    "not done": "was refused, so nothing was done",
    "without effect": "was taken, and no effect was seen",
}


class PermitRow(Row):
    """The permit for a change, or for putting one back."""

    table: ClassVar[str] = "permits"
    id: UUID
    kind: str
    run_id: UUID
    playbook: str
    target: str
    plan_digest: str
    calls: tuple[Call, ...]
    fencing_token: int
    issued_at: datetime
    expires_at: datetime
    closed_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(*fields_of(cls, permits)).where(topic.runs(permits.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell what it let the run do."""
        what = "to put back" if self.kind == PermitKind.RESTORE else "to make"
        calls = counted(len(self.calls), "call")
        words = f"a permit {what} {calls} on {self.target}, for this run alone"
        facts = {
            "permit": self.id,
            "calls": "; ".join(map(str, self.calls)),
            "plan SHA-256": self.plan_digest,
            "fencing token": self.fencing_token,
            "valid until": self.expires_at,
            "closed": self.closed_at,
        }
        by = playbook(self.playbook)
        yield self.entry(self.issued_at, EntryKind.PERMIT, by, words, facts, run_id=self.run_id)


class ActionRow(Row):
    """One call that was sent, or was about to be."""

    table: ClassVar[str] = "actions"
    run_id: UUID
    playbook: str
    kind: str
    permit_id: UUID
    position: int
    call: Call
    state: str
    intended_at: datetime
    confirmed_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return (
            sa.select(
                *fields_of(cls, actions), permits.c.run_id, permits.c.playbook, permits.c.kind
            )
            .join(permits, permits.c.id == actions.c.permit_id)
            .where(topic.runs(permits.c.run_id))
        )

    def entries(self) -> Iterator[Entry]:
        """Tell what was asked for, and when its effect was seen."""
        restore = self.kind == PermitKind.RESTORE
        word, kind = ("undo", EntryKind.UNDO) if restore else ("action", EntryKind.REQUEST)
        facts = {"permit": self.permit_id, "step": self.position + 1, "result": _STATES[self.state]}
        by, run_id = playbook(self.playbook), self.run_id
        words = f"{word} {self.call}"
        if self.state in {"not done", "without effect"}:
            words += f": it {_STATES[self.state]}"
        yield self.entry(self.intended_at, kind, by, words, facts, run_id=run_id)
        if self.confirmed_at is not None:
            words = f"read back, took effect: {self.call}"
            yield self.entry(self.confirmed_at, EntryKind.READ_BACK, by, words, run_id=run_id)


class VerificationRow(Row):
    """The verdict on what must hold after a change."""

    table: ClassVar[str] = "verifications"
    run_id: UUID
    verdict: str
    reason: str
    samples: int
    verified_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(*fields_of(cls, verifications)).where(topic.runs(verifications.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell it."""
        words = f"verified: {self.verdict}{because(self.reason)}"
        facts = {"samples": self.samples or None}
        by = playbook(None)
        yield self.entry(
            self.verified_at, EntryKind.VERIFICATION, by, words, facts, run_id=self.run_id
        )


class ChangeRow(Row):
    """A change that ends by itself."""

    table: ClassVar[str] = "temporary_changes"
    id: UUID
    run_id: UUID
    permit_id: UUID
    playbook: str
    call: Call
    revert: Call
    before: str
    owner: str
    reason: str
    state: str
    created_at: datetime
    until: datetime
    ended_at: datetime | None
    note: str | None
    scheduled_revert_id: UUID | None
    alarmed_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(*fields_of(cls, temporary_changes)).where(
            topic.runs(temporary_changes.c.run_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell until when it was to last, and how it ended."""
        facts = {
            "temporary change": self.id,
            "owner": self.owner,
            "reason": self.reason,
            "before": self.before,
            "revert": str(self.revert),
            "run that reverts it": self.scheduled_revert_id,
        }
        by, run_id, kind = playbook(self.playbook), self.run_id, EntryKind.TEMPORARY
        until = f"{self.until:%Y-%m-%d %H:%M:%S} UTC"
        words = f"temporary change {self.id}, {self.call}, is to last until {until}"
        yield self.entry(self.created_at, kind, by, words, facts, run_id=run_id)
        if self.alarmed_at is not None:
            words = f"temporary change {self.id} is overdue, and people were notified"
            yield self.entry(self.alarmed_at, EntryKind.NOTICE, CONTROLLER, words, run_id=run_id)
        if self.ended_at is not None:
            words = f"temporary change {self.id} is {self.state}{because(self.note)}"
            yield self.entry(self.ended_at, kind, by, words, run_id=run_id)


GATE: tuple[type[Row], ...] = (PermitRow, ActionRow, VerificationRow, ChangeRow)
