"""
The episode rule: what one alert means for the incident of its labels.

``startsAt`` is no identity: Alertmanager moves it back when another replica reports an earlier
start, and both halves of a pair send every alert. So an incident is open or it is not, and times
only separate a late copy from a new episode. Times of a sender are compared with its own, and
moments of receipt with ours; what a sender did not date is judged by the receipt alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from cct_ops.models.alert import Alert, AlertStatus

# Replicas that evaluate once a minute see one episode begin so far apart.
REPLICAS_DISAGREE = timedelta(minutes=2)
MOST_REPORTERS = 16


class Verdict(StrEnum):
    """The effect of an alert; only ``opened`` starts anything."""

    OPENED = "opened"
    SEEN = "seen"
    REOPENED = "reopened"
    CLOSED = "closed"
    LATE = "late"
    UNKNOWN = "unknown"

    @property
    def changes(self) -> bool:
        """True if the incident opened or closed through it."""
        return self in {Verdict.OPENED, Verdict.REOPENED, Verdict.CLOSED}


class ClosedAs(StrEnum):
    """Why an incident is over: its sender said so, was silent for too long, or reported another."""

    RESOLVED = "resolved"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Episode:
    """
    The newest incident of one set of labels, as far as the rule needs it.

    ``floor`` is when the one before it was over: what began no later belongs to the past.
    ``opened_at`` and ``closed_at`` are moments of receipt, ``starts_at`` and ``ends_at`` the
    sender's where it gave any. ``reporters`` are the twins that reported it.
    """

    incident_id: UUID
    number: int
    starts_at: datetime
    last_seen_at: datetime
    closed_as: ClosedAs | None = None
    ends_at: datetime | None = None
    closed_at: datetime | None = None
    floor: datetime | None = None
    opened_at: datetime | None = None
    reporters: tuple[str, ...] = ()

    @property
    def over_at(self) -> datetime:
        """When it was over; of one whose end was never reported, the last that is known of it."""
        # A sender's clock may be ahead of ours.
        return max(self.ends_at or self.last_seen_at, self.starts_at)

    def superseded(self, at: datetime) -> Episode:
        """Return the episode as it is once its sender reported a later one."""
        return replace(self, closed_as=ClosedAs.SUPERSEDED, closed_at=at)

    def expired(self, at: datetime) -> Episode:
        """Return the episode as it is once its sender was silent about it for too long."""
        return replace(self, closed_as=ClosedAs.EXPIRED, closed_at=at)

    def seen(self, at: datetime, reporter: str) -> Episode:
        """Return the episode as it is once it was reported again."""
        known = not reporter or reporter in self.reporters or len(self.reporters) == MOST_REPORTERS
        return replace(
            self,
            last_seen_at=max(self.last_seen_at, at),
            reporters=self.reporters if known else (*self.reporters, reporter),
        )


def judge(
    alert: Alert, latest: Episode | None, received_at: datetime, early_end: datetime | None = None
) -> tuple[Verdict, Episode | None]:
    """
    Return what the alert means, and the newest episode as it is afterwards.

    One that opens an episode puts an end to the one before, if that is open still. ``early_end`` is
    the last end that was reported of this thing before anything was heard of its start.
    """
    if alert.undated:
        return _undated(alert, latest, received_at)
    if latest is not None and latest.floor is not None and alert.starts_at <= latest.floor:
        return Verdict.LATE, latest  # about an earlier episode, overtaken by this one
    if alert.status is AlertStatus.RESOLVED:
        return _resolved(alert, latest, received_at)
    if early_end is not None and _over_by(alert, early_end):
        return Verdict.LATE, latest  # its end overtook it
    return _firing(alert, latest, received_at)


def early_end(alert: Alert, verdict: Verdict, received_at: datetime) -> datetime | None:
    """
    Return the end to remember: of something that was never heard of, dated by its sender.

    One that lies ahead is forgotten: it would keep silent whatever begins until then.
    """
    if verdict is not Verdict.UNKNOWN or alert.undated or alert.ends_at is None:
        return None
    return alert.ends_at if alert.ends_at <= received_at + REPLICAS_DISAGREE else None


def _over_by(alert: Alert, end: datetime) -> bool:
    """Return whether what the alert says was over by then; what reopens comes behind its end."""
    return alert.starts_at < end or (alert.starts_at == end and not alert.reopens)


def _firing(alert: Alert, latest: Episode | None, received_at: datetime) -> tuple[Verdict, Episode]:
    if latest is None:
        return Verdict.OPENED, _following(latest, alert, received_at)
    seen = replace(
        latest.seen(received_at, alert.reporter), starts_at=min(latest.starts_at, alert.starts_at)
    )
    if latest.closed_as is None:
        if _began_after(alert, latest):
            return Verdict.OPENED, _following(latest, alert, received_at)
        return Verdict.SEEN, seen
    # Its sender says which came later, if both were at the same moment.
    again = alert.reopens and alert.starts_at == latest.over_at
    if alert.starts_at > latest.over_at or again:
        return Verdict.OPENED, _following(latest, alert, received_at)
    if latest.closed_as is ClosedAs.EXPIRED:
        return Verdict.REOPENED, replace(seen, closed_as=None, closed_at=None)
    return Verdict.LATE, latest


def _began_after(alert: Alert, latest: Episode) -> bool:
    """
    Return whether this began after the open episode was over, although nobody reported its end.

    A start after our last sight of the open one is another's: an Alertmanager moves starts back
    and never forward. One that was started anew may report a later start of the same episode, but
    then we saw it firing after that start. So may a twin that reports it for the first time, and
    then the starts are close together.
    """
    sight = max(latest.last_seen_at, latest.starts_at)
    if alert.episodic and alert.reporter not in latest.reporters:
        sight = max(sight, latest.starts_at + REPLICAS_DISAGREE)
    return (alert.episodic or alert.reopens) and alert.starts_at > sight


def _following(latest: Episode | None, alert: Alert, received_at: datetime) -> Episode:
    """Return the episode that begins with this alert."""
    return Episode(
        uuid4(),
        1 if latest is None else latest.number + 1,
        alert.starts_at,
        received_at,
        floor=None if latest is None else latest.over_at,
        opened_at=received_at,
        reporters=(alert.reporter,),
    )


def _undated(
    alert: Alert, latest: Episode | None, received_at: datetime
) -> tuple[Verdict, Episode | None]:
    """
    Judge an alert to which its sender gave no time: its start is when it first came here.

    A copy first came before what followed it, so it changes nothing of that.
    """
    came_at, firing = alert.starts_at, alert.status is AlertStatus.FIRING
    if latest is not None and latest.closed_as is None:
        if came_at < (latest.opened_at or latest.starts_at):
            return Verdict.LATE, latest
        seen = latest.seen(received_at, alert.reporter)
        if firing:
            return Verdict.SEEN, seen
        over = replace(seen, closed_as=ClosedAs.RESOLVED, ends_at=came_at, closed_at=received_at)
        return Verdict.CLOSED, over
    if latest is not None and came_at <= (latest.closed_at or latest.over_at):
        return Verdict.LATE, latest
    if firing:
        return Verdict.OPENED, _following(latest, alert, received_at)
    return Verdict.UNKNOWN, latest


def _resolved(
    alert: Alert, latest: Episode | None, received_at: datetime
) -> tuple[Verdict, Episode | None]:
    if latest is None:
        return Verdict.UNKNOWN, None
    ends_at = alert.ends_at or received_at
    closed = replace(
        latest,
        starts_at=min(latest.starts_at, alert.starts_at),
        closed_as=ClosedAs.RESOLVED,
        ends_at=ends_at,
    )
    if latest.closed_as is None:
        if ends_at < latest.starts_at:
            return Verdict.LATE, latest  # the end of something that was over before this began
        return Verdict.CLOSED, replace(
            closed, last_seen_at=max(latest.last_seen_at, received_at), closed_at=received_at
        )
    if alert.starts_at > (latest.ends_at or latest.last_seen_at):
        return Verdict.UNKNOWN, latest
    # Of an expired incident the end was believed lost: from now on it is known.
    return Verdict.LATE, closed if latest.closed_as is ClosedAs.EXPIRED else latest
