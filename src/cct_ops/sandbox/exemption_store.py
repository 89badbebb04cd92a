"""
CCT's key-value store for exemptions (a year for each record, a day for their list) and its reports.

The list is what reports and maintenance go by. It runs out 24 h after its last write, and from then
on the report shows zeros while every record is still there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from pydantic.alias_generators import to_camel

from cct_ops.models.cct_exemptions import read_date
from cct_ops.sandbox.canary_store import Lagged
from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.faults import Effects

LIST_TTL_SECONDS = 24 * 3600
DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Exemption:
    """One record; its date is kept as it was given, and one that is no date never expires."""

    id: str
    pattern: str
    file: str
    line: int
    jira_reference: str
    owner: str
    expiration_date: str
    created_at: float
    reason: str = "No reason provided"
    status: str = "active"
    auto_renew: bool = False

    def wire(self) -> Json:
        """Render as CCT's record."""
        fields = {to_camel(name): value for name, value in asdict(self).items()}
        return fields | {"createdAt": iso(self.created_at), "createdBy": "system"}

    @property
    def expires_at(self) -> float | None:
        """The moment of its end, or None where the date cannot be read."""
        moment = read_date(self.expiration_date)
        return None if moment is None else moment.timestamp()

    def due(self, moment: float) -> bool:
        """Return True if its date has come by then."""
        return self.expires_at is not None and self.expires_at <= moment


Records = Mapping[str, Exemption]


@dataclass(frozen=True, slots=True)
class Content:
    """The stored records, when their list was last written, and how far a count is off."""

    records: Records
    listed_at: float
    count_drift: int = 0


class ExemptionStore:
    """The exemptions as written and as seen, and what is wrong with the system around them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._content = Lagged(Content({}, clock.now()), clock)
        self.jira_down = False
        # CCT's cleanup then also takes records whose date is so many days ahead.
        self.hasty_days = 0.0

    @property
    def written(self) -> Content:
        """The truth."""
        return self._content.latest

    @property
    def seen(self) -> Content:
        """The content as reads see it, which may lag behind the truth."""
        return self._content.visible

    def list_lost(self, content: Content) -> bool:
        """Return True if the list has run out while there are records."""
        old = self._clock.now() - content.listed_at >= LIST_TTL_SECONDS
        return bool(content.records) and old

    def listed(self, content: Content) -> list[Exemption]:
        """Return the records that reports and maintenance find."""
        return [] if self.list_lost(content) else list(content.records.values())

    def write(self, changed: Records, effects: Effects, *, recount: bool = False) -> None:
        """Store all records and their list; ``recount`` also puts the report's count right."""
        drift = 0 if recount else self.written.count_drift
        self._content.put(Content(changed, self._clock.now(), drift), effects)

    def settle(self, content: Content) -> None:
        """Put the store into a state from outside the API, seen at once."""
        self._content.settle(content)

    def expired(self, now: float) -> Records:
        """Return the truth after a cleanup: what is listed, active and due is marked expired."""
        until = now + self.hasty_days * DAY_SECONDS
        due = {
            record.id: replace(record, status="expired")
            for record in self.listed(self.written)
            if record.status == "active" and record.due(until)
        }
        return {**self.written.records, **due}

    def rederived(self, now: float) -> Records:
        """Return the truth after a revalidation: every status follows from its record's date."""
        return {
            record.id: record
            if record.status == "revoked"
            else replace(record, status="expired" if record.due(now) else "active")
            for record in self.written.records.values()
        }


UPCOMING_DAYS = 30
MOST_ACTIVE, MOST_UPCOMING, MOST_PER_OWNER, MOST_PER_PATTERN = 10, 5, 3, 5


def report(store: ExemptionStore, now: float) -> Json:
    """Count what is listed; only what is active is broken down by owner and pattern."""
    content = store.seen
    listed = store.listed(content)
    active = [record for record in listed if record.status == "active"]
    return {
        "totalActive": len(active) + content.count_drift,
        "totalExpired": sum(record.status == "expired" for record in listed),
        "upcomingExpirations": [record.wire() for record in _upcoming(active, now)],
        "byOwner": dict(Counter(record.owner for record in active)),
        "byPattern": dict(Counter(record.pattern for record in active)),
        "generatedAt": iso(now),
    }


def weekly(store: ExemptionStore, now: float) -> Json:
    """Count the same for people."""
    counts = report(store, now)
    active = [r for r in store.listed(store.seen) if r.status == "active"]
    upcoming = _upcoming(active, now)
    return {
        "summary": {
            "totalActive": counts["totalActive"],
            "totalExpired": counts["totalExpired"],
            "upcomingExpirations": len(upcoming),
            "generatedAt": counts["generatedAt"],
        },
        "upcomingExpirations": [
            {
                "jiraReference": record.jira_reference,
                "file": record.file,
                "line": record.line,
                "owner": record.owner,
                "expirationDate": record.expiration_date,
                "daysUntilExpiration": math.ceil(((record.expires_at or 0) - now) / DAY_SECONDS),
            }
            for record in upcoming
        ],
        "byOwner": [{"owner": owner, "count": n} for owner, n in counts["byOwner"].items()],
        "byPattern": [{"pattern": name, "count": n} for name, n in counts["byPattern"].items()],
        "recommendations": _recommendations(counts, len(upcoming)),
    }


def _upcoming(active: list[Exemption], now: float) -> list[Exemption]:
    """List what ends within 30 days, what is past already included, soonest first."""
    soon = [record for record in active if record.due(now + UPCOMING_DAYS * DAY_SECONDS)]
    return sorted(soon, key=lambda record: record.expires_at or 0)


def _recommendations(counts: Json, upcoming: int) -> list[str]:
    found = []
    if counts["totalActive"] > MOST_ACTIVE:
        found.append(f"High number of active exemptions ({counts['totalActive']})")
    if upcoming > MOST_UPCOMING:
        found.append(f"{upcoming} exemptions expire within {UPCOMING_DAYS} days")
    found += [
        f"{owner} owns {n} exemptions"
        for owner, n in counts["byOwner"].items()
        if n > MOST_PER_OWNER
    ]
    found += [
        f"Pattern {name} is exempted {n} times"
        for name, n in counts["byPattern"].items()
        if n > MOST_PER_PATTERN
    ]
    return found
