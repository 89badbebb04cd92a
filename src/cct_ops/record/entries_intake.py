"""What came in and what was started because of it, as entries of an account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.outbox import NOTICE, describe_notice
from cct_ops.ledger.intake.tables import (
    alerts,
    burst_groups,
    bursts,
    deliveries,
    dispatches,
    incidents,
)
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.base import counted
from cct_ops.record.entries import CONTROLLER, NOTIFIER, Row, Topic, because, fields_of, proof_of

_WHY_CLOSED = {
    "expired": ": it was not reported again",
    "superseded": ": its sender reported a later episode, and never its end",
}
_VERDICTS = {
    "opened": "it opened this incident",
    "reopened": "it opened this incident again",
    "seen": "this incident was open already",
    "closed": "it closed this incident",
    "late": "about something that was over by then: it changed nothing",
    "unknown": "the end of something that was never heard of: it changed nothing",
}


_OF_DELIVERY = ("source", "body_sha256", "copies", "admitted_by", "traceparent")


def sender(source: str, admitted_by: str | None = None) -> Actor:
    """Return the sender of an alert, with the key or the person that it was admitted by."""
    return Actor(kind=ActorKind.ALERT, name=source, proof=proof_of(admitted_by))


class IncidentRow(Row):
    """The incident itself: one episode of one thing being wrong."""

    table: ClassVar[str] = "incidents"
    id: UUID
    source: str
    key: str
    episode: int
    state: str
    closed_as: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select it."""
        return sa.select(*fields_of(cls, incidents)).where(topic.incident(incidents.c.id))

    def entries(self) -> Iterator[Entry]:
        """Tell when it began and when it was over, and whose word that is."""
        facts = {"episode": self.episode}
        yield self.entry(self.starts_at, EntryKind.BEGAN, sender(self.source), self.began, facts)
        if self.closed_at is not None:
            words = f"the incident was {self.closed}"
            actor = CONTROLLER if self.closed_as == "expired" else sender(self.source)
            over = {"over since, says the sender": self.ends_at}
            yield self.entry(self.closed_at, EntryKind.CLOSED, actor, words, over)

    @property
    def began(self) -> str:
        """Say whose word it is when it began: of what has no date the first receipt counts."""
        dated = self.starts_at != self.opened_at
        return "it began, says the alert" if dated else "it first came here"

    @property
    def closed(self) -> str:
        """Say how it was closed, and why where nobody said that it was over."""
        return f"closed as {self.closed_as}{_WHY_CLOSED.get(self.closed_as or '', '')}"

    @property
    def heading(self) -> str:
        """Name it, with where it stands."""
        name = self.labels.get("alertname", "an alert without a name")
        return f"{name} from {self.source}, {self.stands}"

    @property
    def stands(self) -> str:
        """Say whether it is over, and how."""
        return f"closed as {self.closed_as}" if self.closed_at else "open"


class AlertRow(Row):
    """One alert of one delivery."""

    table: ClassVar[str] = "alerts"
    delivery_id: UUID
    source: str
    body_sha256: str
    copies: int
    admitted_by: str | None
    traceparent: str | None
    status: str
    verdict: str
    starts_at: datetime
    ends_at: datetime | None
    received_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select what changed something; what only came again is counted by ``SeenRow``."""
        return (
            sa.select(*fields_of(cls, alerts), *(deliveries.c[name] for name in _OF_DELIVERY))
            .join(deliveries, deliveries.c.id == alerts.c.delivery_id)
            .where(topic.incident(alerts.c.incident_id), alerts.c.verdict != "seen")
        )

    def entries(self) -> Iterator[Entry]:
        """Tell that it came, and what it did."""
        facts = {
            "meaning": _VERDICTS[self.verdict],
            "delivery": self.delivery_id,
            "SHA-256 of its body": self.body_sha256,
            "copies": self.copies if self.copies > 1 else None,
            "trace": self.traceparent.split("-")[1] if self.traceparent else None,
            "begun, says the alert": self.starts_at,
            "over, says the alert": self.ends_at if self.status == "resolved" else None,
        }
        words = f"the alert is {self.status} ({self.verdict}), delivery {self.delivery_id}"
        actor = sender(self.source, self.admitted_by)
        yield self.entry(self.received_at, EntryKind.ALERT, actor, words, facts)


class SeenRow(Row):
    """The alerts of one source that came again while the incident was open."""

    table: ClassVar[str] = "alerts"
    source: str
    times: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Count them."""
        return (
            sa.select(
                sa.func.min(alerts.c.id).label("id"),
                deliveries.c.source,
                sa.func.count().label("times"),
                sa.func.min(alerts.c.received_at).label("first_at"),
                sa.func.max(alerts.c.received_at).label("last_at"),
            )
            .join(deliveries, deliveries.c.id == alerts.c.delivery_id)
            .where(topic.incident(alerts.c.incident_id), alerts.c.verdict == "seen")
            .group_by(deliveries.c.source)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell how often, and until when."""
        words = f"the alert came {counted(self.times, 'more time', 'more times')} (seen)"
        facts = {"last at": self.last_at, "meaning": _VERDICTS["seen"]}
        yield self.entry(self.first_at, EntryKind.ALERT, sender(self.source), words, facts)


class DispatchRow(Row):
    """The task that an incident gave: to start a run, or to send a notice."""

    table: ClassVar[str] = "dispatches"
    id: UUID
    purpose: str
    state: str
    rule: str | None
    playbook: str | None
    attempts: int
    flow_run_id: UUID | None
    note: str | None
    created_at: datetime
    finished_at: datetime | None
    notified_at: datetime | None
    undelivered: str | None
    routes_digest: str | None
    routes_commit: str | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select both."""
        return sa.select(*fields_of(cls, dispatches)).where(
            topic.incident(dispatches.c.incident_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell what became of it, and by which rules."""
        notice = self.purpose == NOTICE
        facts = {
            "rule": self.rule,
            "routes SHA-256": self.routes_digest,
            "routes commit": self.routes_commit,
            "attempts": self.attempts if self.attempts > 1 else None,
        }
        at = self.notified_at or self.finished_at or self.created_at
        kind = EntryKind.NOTICE if notice else EntryKind.DISPATCH
        actor = NOTIFIER if notice else CONTROLLER
        yield self.entry(at, kind, actor, self.words, facts, run_id=self.flow_run_id)

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        rule = f"rule {self.rule}: " if self.rule else ""
        if self.purpose == NOTICE:
            told = describe_notice(self.state, self.notified_at, self.undelivered)
            return f"{told}{because(self.note)}"
        match self.state:
            case "sent":
                return f"{rule}run {self.flow_run_id} of {self.playbook} was created"
            case "pending":
                return f"{rule}waits to be dispatched: {self.note or 'not tried yet'}"
            case "notified":
                return f"{rule}no run: {self.note or 'people are notified'}"
            case "grouped":
                return f"{rule}no run of its own: {self.note}"
            case _:
                return f"{rule}set aside: {self.note}"


class BurstRow(Row):
    """A burst in which the incident stands for others."""

    table: ClassVar[str] = "burst_groups"
    began_at: datetime
    reason: str
    grouped: int

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select its groups of the incident."""
        return (
            sa.select(
                sa.cast(bursts.c.id, sa.Text).label("id"),
                bursts.c.began_at,
                bursts.c.reason,
                burst_groups.c.grouped,
            )
            .join(bursts, bursts.c.id == burst_groups.c.burst_id)
            .where(topic.incident(burst_groups.c.incident_id))
        )

    def entries(self) -> Iterator[Entry]:
        """Tell for how many it stands."""
        others = counted(self.grouped, "other")
        words = f"a burst: {self.reason} This incident stands for {others}"
        yield self.entry(self.began_at, EntryKind.DISPATCH, CONTROLLER, words)


class DeliveryRow(Row):
    """A delivery that led to no incident, or not all of it."""

    table: ClassVar[str] = "deliveries"
    id: UUID
    source: str
    body_sha256: str
    admitted_by: str | None
    status: str
    note: str | None
    copies: int
    received_at: datetime
    last_received_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of which a part was not understood, beside this incident's alerts."""
        partial = sa.select(alerts.c.delivery_id).where(topic.incident(alerts.c.incident_id))
        return sa.select(*fields_of(cls, deliveries)).where(
            deliveries.c.id.in_(partial), deliveries.c.status == "partial"
        )

    def entries(self) -> Iterator[Entry]:
        """Tell why."""
        words = f"delivery {self.id} is {self.status}{because(self.note)}"
        facts = {
            "SHA-256 of its body": self.body_sha256,
            "copies": self.copies if self.copies > 1 else None,
            "last at": self.last_received_at if self.copies > 1 else None,
        }
        actor = sender(self.source, self.admitted_by)
        yield self.entry(self.received_at, EntryKind.ALERT, actor, words, facts)


INTAKE: tuple[type[Row], ...] = (IncidentRow, AlertRow, SeenRow, DispatchRow, BurstRow, DeliveryRow)
