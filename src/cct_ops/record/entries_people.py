"""Who was asked and who answered, who was paged, and what the public read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import answers, approvals, attempts, sent_links
from cct_ops.ledger.people.tables import page_attempts, pages, slack_threads, status_posts
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.base import counted
from cct_ops.models.run import Evidence
from cct_ops.models.topic import Topic as Shown
from cct_ops.record.entries import NOTIFIER, Row, Topic, because, fields_of, playbook

PROOFS = {
    "link": "a signed link that was sent to this person alone",
    "slack": "Slack's signature, as a user who is on the list",
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


class PageRow(Row):
    """A page."""

    table: ClassVar[str] = "pages"
    id: UUID
    cause: str
    subject: str
    raised_at: datetime
    ended_at: datetime | None
    contact: str | None
    note: str | None
    attempts: int

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those about the incident or one of its runs."""
        return sa.select(*fields_of(cls, pages)).where(_about(topic, pages.c.topic_id))

    def entries(self) -> Iterator[Entry]:
        """Tell what was asked for, and that it ended in vain where it did."""
        words = f"page asked for: {self.subject}"
        facts = {"cause": self.cause, "tries": counted(self.attempts, "round")}
        yield self.entry(self.raised_at, EntryKind.PAGE, NOTIFIER, words, facts)
        if self.ended_at is not None and self.contact is None:
            words = f"the page is over{because(self.note)}"
            yield self.entry(self.ended_at, EntryKind.PAGE, NOTIFIER, words)


class PageAttemptRow(Row):
    """A contact that was tried."""

    table: ClassVar[str] = "page_attempts"
    contact: str
    way: str
    reached: bool
    note: str | None
    attempted_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the pages."""
        return (
            sa.select(*fields_of(cls, page_attempts))
            .join(pages, pages.c.id == page_attempts.c.page_id)
            .where(_about(topic, pages.c.topic_id))
        )

    def entries(self) -> Iterator[Entry]:
        """Tell whether the contact was reached."""
        how = f"reached by {self.way}" if self.reached else f"not reached: {self.note}"
        words = f"page: {self.contact} {how}"
        yield self.entry(self.attempted_at, EntryKind.PAGE, NOTIFIER, words)


class StatusPostRow(Row):
    """What the public read."""

    table: ClassVar[str] = "status_posts"
    state: str
    raised_at: datetime
    posted_at: datetime | None
    note: str | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select what was posted, or waits to be."""
        key = sa.func.concat_ws("/", *status_posts.primary_key.columns).label("id")
        return sa.select(key, *fields_of(cls, status_posts)).where(
            topic.incident(status_posts.c.incident_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell when the page took it."""
        if self.posted_at is None:
            words = f"the status page is to say {self.state}{because(self.note)}"
        else:
            words = f"status page updated: {self.state}"
        at = self.posted_at or self.raised_at
        yield self.entry(at, EntryKind.STATUS_PAGE, NOTIFIER, words)


class ThreadRow(Row):
    """The thread in Slack, and what its head says now."""

    table: ClassVar[str] = "slack_threads"
    channel: str
    ts: str
    topic: Shown
    opened_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select it."""
        key = sa.cast(slack_threads.c.topic_id, sa.Text).label("id")
        return sa.select(key, *fields_of(cls, slack_threads)).where(
            _about(topic, slack_threads.c.topic_id), slack_threads.c.ts.is_not(None)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell when people were first notified in it."""
        facts = {"channel": self.channel, "message": self.ts}
        words = "its thread in Slack was opened"
        yield self.entry(self.opened_at, EntryKind.NOTICE, NOTIFIER, words, facts)


def _about(topic: Topic, column: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    known = [topic.incident_id, *topic.run_ids] if topic.incident_id else list(topic.run_ids)
    return column == sa.any_(sa.cast(known, sa.ARRAY(sa.Uuid)))


def _to_requests(row: type[Row], table: sa.Table, topic: Topic) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(*fields_of(row, table), approvals.c.run_id)
        .join(approvals, approvals.c.id == table.c.approval_id)
        .where(topic.runs(approvals.c.run_id))
    )


PEOPLE: tuple[type[Row], ...] = (
    ApprovalRow,
    AnswerRow,
    AttemptRow,
    SentLinkRow,
    PageRow,
    PageAttemptRow,
    StatusPostRow,
    ThreadRow,
)
