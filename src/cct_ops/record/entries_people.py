"""Who was asked and who answered, as entries of an account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import answers, approvals, attempts, sent_links
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.run import Evidence
from cct_ops.record.entries import NOTIFIER, Row, Topic, because, fields_of, playbook

PROOFS = {
    "link": "a signed link that was sent to this person alone",
    "slack": "Slack's signature, as a user who is on the list",
    "board": "signed in on the board",
    "form": "none: a name typed into Prefect's form",
    "resume": "none: resumed in Prefect",
}


def person(name: str, way: str) -> Actor:
    """Return a person, with the proof that the way of answering gives."""
    return Actor(kind=ActorKind.PERSON, name=name, proof=PROOFS.get(way))


class ApprovalRow(Row):
    """A request for approval."""

    table: ClassVar[str] = "approvals"
    id: UUID
    run_id: UUID
    playbook: str
    target: str
    plan_digest: str
    state_digest: str
    headline: str
    severity: str
    evidence: tuple[Evidence, ...]
    why: str
    persons: int
    state: str
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    used_at: datetime | None
    escalated_at: datetime | None
    approver: str | None
    authenticated: bool
    note: str | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(*fields_of(cls, approvals)).where(topic.runs(approvals.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell when it was asked for, and how it ended if no answer ended it."""
        facts = {
            "request": self.id,
            "plan": self.plan_digest,
            "state of the target": self.state_digest,
            "severity": self.severity,
            "persons needed": self.persons,
            "open until": self.expires_at,
        }
        by, run_id = playbook(self.playbook), self.run_id
        yield self.entry(
            self.requested_at,
            EntryKind.APPROVAL,
            by,
            f"approval was asked for: {self.why}",
            facts,
            run_id=run_id,
            evidence=self.evidence,
        )
        ended = {"request": self.id}
        if self.decided_at is not None and self.state not in {"approved", "declined"}:
            words = f"the request is {self.state}{because(self.note)}"
            yield self.entry(self.decided_at, EntryKind.APPROVAL, by, words, ended, run_id=run_id)
        if self.escalated_at is not None:
            words = "nobody answered: it was passed on to the next contact"
            yield self.entry(
                self.escalated_at, EntryKind.NOTICE, NOTIFIER, words, ended, run_id=run_id
            )
        if self.used_at is not None:
            words = "the approval was used up: it counts for nothing more"
            yield self.entry(self.used_at, EntryKind.APPROVAL, by, words, ended, run_id=run_id)


class AnswerRow(Row):
    """A person's answer that counts."""

    table: ClassVar[str] = "approval_answers"
    approval_id: UUID
    approver_id: str
    approver: str
    way: str
    approved: bool
    note: str
    answered_at: datetime
    run_id: UUID

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those to the requests of the runs."""
        return _to_requests(cls, answers, topic)

    def entries(self) -> Iterator[Entry]:
        """Tell who said what, and what proves it."""
        word = "approved" if self.approved else "declined"
        words = f"{word} by {self.approver}{because(self.note)}"
        facts = {"request": self.approval_id, "way": self.way, "approver": self.approver_id}
        by = person(self.approver, self.way)
        yield self.entry(self.answered_at, EntryKind.ANSWER, by, words, facts, run_id=self.run_id)


class AttemptRow(Row):
    """An answer that did not count."""

    table: ClassVar[str] = "approval_attempts"
    approval_id: UUID
    approver_id: str | None
    way: str
    reason: str
    attempted_at: datetime
    run_id: UUID

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those to the requests of the runs."""
        return _to_requests(cls, attempts, topic).where(attempts.c.verdict == "refused")

    def entries(self) -> Iterator[Entry]:
        """Tell why."""
        by = Actor(kind=ActorKind.PERSON, name=self.approver_id or "somebody unknown")
        words = f"an answer by {self.way} was refused: {self.reason}"
        facts = {"request": self.approval_id, "way": self.way}
        yield self.entry(self.attempted_at, EntryKind.ANSWER, by, words, facts, run_id=self.run_id)


class SentLinkRow(Row):
    """A link to answer by, and whom it was sent to."""

    table: ClassVar[str] = "sent_links"
    approver_id: str
    about: str
    sent_at: datetime
    run_id: UUID

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those about the requests of the runs."""
        key = sa.func.concat_ws("/", *sent_links.primary_key.columns).label("id")
        return (
            sa.select(key, *fields_of(cls, sent_links), approvals.c.run_id)
            .join(approvals, approvals.c.id == sent_links.c.approval_id)
            .where(topic.runs(approvals.c.run_id))
        )

    def entries(self) -> Iterator[Entry]:
        """Tell whom it was sent to."""
        why = ", after the first yes" if self.about == "first-yes" else ""
        words = f"a link to answer by was sent to {self.approver_id}{why}"
        yield self.entry(self.sent_at, EntryKind.NOTICE, NOTIFIER, words, run_id=self.run_id)


def _to_requests(row: type[Row], table: sa.Table, topic: Topic) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(*fields_of(row, table), approvals.c.run_id)
        .join(approvals, approvals.c.id == table.c.approval_id)
        .where(topic.runs(approvals.c.run_id))
    )


PEOPLE: tuple[type[Row], ...] = (ApprovalRow, AnswerRow, AttemptRow, SentLinkRow)
