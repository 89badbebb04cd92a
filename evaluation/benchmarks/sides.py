"""Whoever takes alerts at a door and asks CCT then: measured in turns, and in a crowd."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from cct_ops.models.cct import Route
from evaluation.benchmarks.sink import Journal

ROUTE = Route.DAILY_SUMMARY
_WARM_UP = 2  # alerts to each side before any counts


class NotMeasured(Exception):
    """A side cannot be had here, or does not do what it should; the message says why."""


@dataclass(frozen=True)
class Alert:
    """One alert of an incident of its own, as Alertmanager sends it."""

    name: str
    id: str

    @property
    def body(self) -> dict[str, Any]:
        """The body of the POST."""
        now = datetime.now(UTC).isoformat()
        labels = {"alertname": self.name, "route": ROUTE.value, "id": self.id}
        return {"version": "4", "alerts": [{"status": "firing", "labels": labels, "startsAt": now}]}


@dataclass(frozen=True)
class Timed:
    """One alert on its way; times of ``time.monotonic``."""

    posted: float
    answered: float
    arrived: float
    answer: httpx.Response

    @property
    def seconds(self) -> float:
        """From the sender's first byte to the request's arrival at CCT."""
        return self.arrived - self.posted


@dataclass(frozen=True)
class Side:
    """A door, the sink before the CCT that its work asks, and how to wait until all is done."""

    name: str
    url: str
    sink: Journal
    settle: Callable[[httpx.Response], object]
    headers: Mapping[str, str]
    rival: bool = False  # its GETs name the alert, and it may fail
    slow: bool = False  # takes seconds for each alert

    def post(self, http: httpx.Client, alert: Alert) -> httpx.Response:
        """Send one alert."""
        answer = http.post(self.url, json=alert.body, headers=self.headers)
        return answer.raise_for_status()

    def alone(self, http: httpx.Client, name: str = "Benchmark", *, writes: bool = False) -> Timed:
        """Send one alert and wait for its first GET, or its first write, and for its end."""
        alert = Alert(name, uuid4().hex)
        time.sleep(random.random())  # noqa: S311 -- so that nobody's poll runs in step with us
        posted = time.monotonic()
        answer = self.post(http, alert)
        answered = time.monotonic()
        arrived = self.sink.first(posted, naming=self._in_target(alert), writes=writes).at
        self.settle(answer)
        return Timed(posted, answered, arrived, answer)

    def crowd(self, http: httpx.Client, incidents: int) -> dict[str, float]:
        """Send that many alerts at the same time; returns when the last one's GET arrived."""
        alerts = [Alert("Benchmark", uuid4().hex) for _ in range(incidents)]
        began = time.monotonic()
        with ThreadPoolExecutor(min(incidents, 32)) as senders:
            list(senders.map(lambda alert: self.post(http, alert), alerts))
        answered = time.monotonic() - began
        took = sorted(
            self.sink.first(began, naming=self._in_target(alert)).at - began for alert in alerts
        )
        return {
            "incidents": incidents,
            "all_answered_seconds": answered,
            "median_first_get_seconds": statistics.median(took),
            "last_first_get_seconds": took[-1],
        }

    def _in_target(self, alert: Alert) -> str:
        return alert.id if self.rival else ""


def in_turns(
    sides: Sequence[Side], http: httpx.Client, count: int, slow: int
) -> tuple[dict[str, list[Timed]], dict[str, str]]:
    """
    Send alerts one after the other, turn by turn, so that the machine's noise hits all alike.

    The order changes, and a slow side is there in fewer of the rounds. Returns what was measured of
    each, and why a rival was not.
    """
    timed: dict[str, list[Timed]] = {side.name: [] for side in sides}
    failed: dict[str, str] = {}
    rounds = max(count, slow if any(side.slow for side in sides) else 0)
    for number in range(-_WARM_UP, rounds):
        for side in random.sample(sides, len(sides)):
            wanted = slow if side.slow else count
            due = number < 0 or number * wanted // rounds < (number + 1) * wanted // rounds
            if side.name in failed or not due:
                continue
            try:
                each = side.alone(http)
            except (NotMeasured, TimeoutError, httpx.HTTPError) as error:
                if not side.rival:
                    error.add_note(f"That is what came of an alert to {side.name}.")
                    raise
                failed[side.name] = str(error)
                del timed[side.name]
            else:
                timed[side.name] += [each] if number >= 0 else []
    return timed, failed
