"""
The episode rule: what one alert means for the incident of its labels.

``startsAt`` is no identity: Alertmanager moves it back when another replica reports an earlier
start, and both halves of a pair send every alert. So an incident is open or it is not, and times
only tell a late copy from a new episode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from cct_ops.models.alert import Alert, AlertStatus


class Verdict(StrEnum):
    """What an alert did; only ``opened`` starts anything."""

    OPENED = "opened"
    SEEN = "seen"
    REOPENED = "reopened"
    CLOSED = "closed"
    LATE = "late"
    UNKNOWN = "unknown"

    @property
    def changes(self) -> bool:
        """Whether the incident opened or closed through it."""
        return self in {Verdict.OPENED, Verdict.REOPENED, Verdict.CLOSED}


class ClosedAs(StrEnum):
    """Why an incident is over: its sender said so, or was silent for too long."""

    RESOLVED = "resolved"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Episode:
    """
    The newest incident of one set of labels, as far as the rule needs it.

    ``floor`` is when the one before it was over: what began no later belongs to the past.
    """

    incident_id: UUID
    number: int
    starts_at: datetime
    last_seen_at: datetime
    closed_as: ClosedAs | None = None
    ends_at: datetime | None = None
    closed_at: datetime | None = None
    floor: datetime | None = None


def judge(
    alert: Alert, latest: Episode | None, received_at: datetime
) -> tuple[Verdict, Episode | None]:
    """Return what the alert means, and the newest episode as it is afterwards."""
    if latest is not None and latest.floor is not None and alert.starts_at <= latest.floor:
        return Verdict.LATE, latest  # about an earlier episode, overtaken by this one
    if alert.status is AlertStatus.FIRING:
        return _firing(alert, latest, received_at)
    return _resolved(alert, latest, received_at)


def _firing(alert: Alert, latest: Episode | None, received_at: datetime) -> tuple[Verdict, Episode]:
    if latest is None:
        return Verdict.OPENED, Episode(uuid4(), 1, alert.starts_at, received_at)
    seen = replace(
        latest,
        starts_at=min(latest.starts_at, alert.starts_at),
        last_seen_at=max(latest.last_seen_at, received_at),
    )
    if latest.closed_as is None:
        return Verdict.SEEN, seen
    # Of an expired one the end is not known. (A sender's clock may be ahead of ours.)
    over_at = latest.ends_at or max(latest.last_seen_at, latest.starts_at)
    again = alert.reopens and alert.starts_at == over_at  # its sender says which came later
    if alert.starts_at > over_at or again:
        following = Episode(uuid4(), latest.number + 1, alert.starts_at, received_at, floor=over_at)
        return Verdict.OPENED, following
    if latest.closed_as is ClosedAs.EXPIRED:
        return Verdict.REOPENED, replace(seen, closed_as=None, closed_at=None)
    return Verdict.LATE, latest


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
