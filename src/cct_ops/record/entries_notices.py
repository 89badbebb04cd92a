"""Who was paged and notified, what the public read, and what is to follow, as entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.people.tables import page_attempts, pages, slack_threads, status_posts
from cct_ops.ledger.record.tables import follow_ups
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.base import counted
from cct_ops.models.follow_up import FollowUp
from cct_ops.models.topic import Topic as Shown
from cct_ops.record.entries import NOTIFIER, Row, Topic, because, fields_of


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
    page_id: UUID
    contact: str
    way: str
    why: str | None
    reached: bool | None
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
        """Tell whether the contact was reached, and why it was this one."""
        how = f"reached by {self.way}" if self.reached else f"not reached: {self.note}"
        if self.reached is None:
            how = f"is tried by {self.way}; how that ended is not known"
        words, facts = f"page: {self.contact} {how}", {"why this contact": self.why}
        yield self.entry(self.attempted_at, EntryKind.PAGE, NOTIFIER, words, facts)


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


class FollowUpRow(Row, FollowUp):
    """What somebody promised to do."""

    table: ClassVar[str] = "follow_ups"
    id: UUID
    assigned_by: str | None
    assigned_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the incident or one of its runs."""
        return sa.select(*fields_of(cls, follow_ups)).where(_about(topic, follow_ups.c.topic_id))

    def entries(self) -> Iterator[Entry]:
        """Tell who made it, who has it now, and who ended it how."""
        facts = {"follow-up": self.id, "proposed as": self.proposal, "issue": self.issue_url}
        kind = EntryKind.FOLLOW_UP
        promised = f"{self.owner} is to do it by {self.due}"
        words = f"follow-up: {self.text} ({promised})"
        yield self.entry(self.made_at, kind, typist(self.made_by), words, facts)
        if self.assigned_at is not None and self.assigned_by is not None:
            words = f"follow-up {self.id} was given on: {promised}"
            yield self.entry(self.assigned_at, kind, typist(self.assigned_by), words)
        if self.ended_at is not None and self.ended_by is not None:
            words = f"follow-up {self.id} is {self.state}{because(self.reason)}"
            yield self.entry(self.ended_at, kind, typist(self.ended_by), words)


def typist(name: str) -> Actor:
    """Return whoever typed a command, or closed an issue, by a name that nothing of ours proves."""
    return Actor(kind=ActorKind.PERSON, name=name, proof="none: a login, or a name on GitHub")


def _about(topic: Topic, column: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    known = [topic.incident_id, *topic.run_ids] if topic.incident_id else list(topic.run_ids)
    return column == sa.any_(sa.cast(known, sa.ARRAY(sa.Uuid)))


NOTICES: tuple[type[Row], ...] = (PageRow, PageAttemptRow, StatusPostRow, ThreadRow, FollowUpRow)
