"""Bodies as Alertmanager writes them, for a known number of incidents."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

ROUTES = ("/pre-market-briefing", "/daily-summary")


def alert(number: int, began: datetime) -> dict[str, object]:
    """Return the alert about one thing; its number is what it is."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "CanaryRolledBack",
            "route": ROUTES[number % len(ROUTES)],
            "instance": f"web-{number}",
            "severity": "critical",
        },
        "annotations": {"summary": f"the canary on web-{number} was rolled back"},
        "startsAt": began.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
        "fingerprint": f"{number:016x}",
    }


def alerts(count: int) -> list[dict[str, object]]:
    """Return the alerts about so many things, which all began now."""
    began = datetime.now(UTC)
    return [alert(number, began) for number in range(count)]


def body(chosen: list[dict[str, object]], mark: object = "") -> bytes:
    """Return a group; the mark makes it differ from another with the same alerts."""
    return json.dumps(
        {
            "version": "4",
            "receiver": "cct-ops",
            "status": "firing",
            "alerts": chosen,
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": f"http://alertmanager/{mark}",
            "groupKey": "{}:{}",
            "truncatedAlerts": 0,
        }
    ).encode()


def groups(count: int, incidents: int, per_body: int, *, seed: int = 1) -> Iterator[bytes]:
    """Return so many bodies in which every incident occurs, most of them many times."""
    shuffled = random.Random(seed)  # noqa: S311 -- a load, no secret
    things = alerts(incidents)
    for number in range(count):
        first = number * per_body
        if first < incidents:
            chosen = [things[n % incidents] for n in range(first, first + per_body)]
        else:
            chosen = shuffled.sample(things, per_body)
        yield body(chosen, number)
