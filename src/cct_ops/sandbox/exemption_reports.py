"""CCT's two reports on exemptions: for machines, and for people with recommendations."""

from __future__ import annotations

import math
from collections import Counter

from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.exemption_store import DAY_SECONDS, Exemption, ExemptionStore

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
