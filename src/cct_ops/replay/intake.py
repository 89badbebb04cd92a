"""
The intake of a replay: deliveries read by these sources, and the incidents that they open.

It begins with what was open then. An incident that was not seen again ends when its sender's
silence is over, as the sweep has it, to which copies count of which the moment is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cct_ops.config.sources import Source
from cct_ops.gateway.senders.reparse import incoming
from cct_ops.ledger.intake.deliveries import Incoming, first_came
from cct_ops.ledger.intake.episodes import ClosedAs, Episode, Verdict
from cct_ops.ledger.intake.judging import Judging, Key
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.alert import Alert
from cct_ops.replay.history import Delivered, Open
from cct_ops.replay.result import Became, Fate

_TOLD = {
    Verdict.REOPENED: Became.REOPENED,
    Verdict.LATE: Became.LATE,
    Verdict.UNKNOWN: Became.UNKNOWN,
}


@dataclass
class Arrival:
    """One delivery on its way: what is in it, and at which moments it came so far."""

    line: Delivered
    read: Incoming
    news_at: datetime
    last_at: datetime

    def came(self, at: datetime) -> None:
        """Note that the same body came once more: as a copy, or after a pause as news."""
        pause = self.read.copy_seconds
        if pause is not None and (at - self.last_at).total_seconds() >= pause:
            self.news_at = at
        self.last_at = at


@dataclass(frozen=True)
class Opening:
    """An incident of the replay: its first alert, and the incident that this really opened."""

    at: datetime
    delivery: UUID
    position: int
    source: str
    alert: Alert
    incident: UUID
    really: UUID | None

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.alert.labels.get("alertname", "-")


@dataclass
class Intake:
    """What came in so far, read by these sources."""

    sources: Mapping[str, Source]
    counts: Counter[str] = field(default_factory=Counter)
    _judging: Judging = field(default_factory=Judging)
    _heard: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _repeated_until: dict[Key, datetime] = field(default_factory=dict)

    def begin_with(self, line: Open) -> None:
        """Take over an incident that was there at the beginning."""
        self._judging.latest[line.source, line.key] = Episode(
            line.incident,
            line.number,
            line.starts_at,
            line.last_seen_at,
            ClosedAs(line.closed_as) if line.closed_as else None,
            line.ends_at,
            line.closed_at,
            opened_at=line.at,
            reporters=line.reporters,
        )

    def read(self, line: Delivered) -> Arrival:
        """Read a delivery as it would be read by these sources."""
        first = line.at[0]
        past = Past(
            line.id, line.source, line.content, line.headers, "", line.sender_id, first,
            line.admitted_by,
        )  # fmt: skip
        return Arrival(line, incoming(past, self.sources), first, first)

    def take(self, arrival: Arrival, at: datetime) -> Iterator[Fate | Opening]:
        """Yield what came of it at this moment, but for what only repeats or ends an incident."""
        line, first = arrival.line, at == arrival.line.at[0]
        if not first:
            arrival.came(at)
        if arrival.read.alerts is None:
            if first:
                yield self._unread(arrival, at)
            return
        if arrival.read.in_part and first:
            yield self._aside(arrival, at, Became.PARTLY, arrival.read.note)
        for position, alert in enumerate(arrival.read.alerts):
            yield from self._judge(arrival, at, position, alert)
        if line.copies > len(line.at) and first:
            for alert in arrival.read.alerts:
                self._repeated_until[line.source, alert.key] = line.at[-1]

    def _judge(
        self, arrival: Arrival, at: datetime, position: int, alert: Alert
    ) -> Iterator[Fate | Opening]:
        line = arrival.line
        seen = alert.received(self._first_came(arrival, alert))
        place = (line.source, seen.key)
        self._expire(place, at)
        effect = self._judging.judge(place, seen, at)
        self.counts[effect.verdict.value] += 1
        if effect.verdict is Verdict.OPENED and effect.episode is not None:
            really = _really(arrival, seen.key)
            yield Opening(
                at, line.id, position, line.source, seen, effect.episode.incident_id, really
            )
        elif effect.verdict in _TOLD and at == line.at[0]:
            name = seen.labels.get("alertname", "-")
            yield _fate(line, at, position, name, _TOLD[effect.verdict])

    def _first_came(self, arrival: Arrival, alert: Alert) -> datetime:
        """Return when the alert first came: in this body, or in any that has its message's name."""
        named = bool(arrival.read.sender_id)
        came = first_came(alert, arrival.news_at, arrival.last_at, named=named)
        if not alert.message or not alert.undated:
            return came
        return self._heard.setdefault((arrival.line.source, alert.message), came)

    def _expire(self, place: Key, at: datetime) -> None:
        """End the newest incident of this thing, if its sender was silent about it for too long."""
        source, known = self.sources.get(place[0]), self._judging.latest.get(place)
        silence = None if source is None else source.silence_seconds
        if silence is None or known is None or known.closed_as is not None:
            return
        repeated = min(self._repeated_until.get(place, known.last_seen_at), at)
        over_at = max(known.last_seen_at, repeated) + timedelta(seconds=silence)
        if over_at < at:
            self._judging.latest[place] = known.expired(over_at)

    def _unread(self, arrival: Arrival, at: datetime) -> Fate:
        gone = arrival.line.content is None
        return self._aside(
            arrival, at, Became.DELETED if gone else Became.QUARANTINED, arrival.read.note
        )

    def _aside(self, arrival: Arrival, at: datetime, became: Became, note: str | None) -> Fate:
        self.counts[became.value] += 1
        return _fate(arrival.line, at, -1, "-", became, note)


def _fate(
    line: Delivered,
    at: datetime,
    position: int,
    alert: str,
    became: Became,
    note: str | None = None,
) -> Fate:
    return Fate(
        delivery=line.id,
        at=at,
        position=position,
        source=line.source,
        alert=alert,
        became=became,
        note=note,
    )


def _really(arrival: Arrival, key: str) -> UUID | None:
    """Return the incident that was really opened by this: the one of the same key, or the only."""
    opened = arrival.line.opened
    found = next((each.incident for each in opened if each.key == key), None)
    alone = len(opened) == 1 and len(arrival.read.alerts or ()) == 1
    return opened[0].incident if found is None and alone else found
