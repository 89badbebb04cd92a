"""
What the senders of the soak send: incidents that a playbook repairs, and many that nobody repairs.

A canary is pulled in CCT and an alert says so, again and again, until the ledger has the account of
its run; then the alert is resolved, and the page may have the next one.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from evaluation.soak import bodies

PER_BODY = 5
_CALM_SECONDS = 3.0  # between an account and the page's next incident
_GIVEN_UP_SECONDS = 300.0


@dataclass
class Episode:
    """One canary that was pulled, and what became of it."""

    number: int
    route: str
    pulled_at: datetime
    began: float
    outcome: str | None = None
    ended: float | None = None

    @property
    def name(self) -> str:
        """The label by which its incident is found."""
        return f"episode-{self.number}"

    def alert(self) -> dict[str, object]:
        """Return the alert about it, as it stands now."""
        over = self.outcome is not None
        return {
            "status": "resolved" if over else "firing",
            "labels": {
                "alertname": "CanaryRolledBack",
                "route": self.route,
                "instance": self.name,
                "severity": "critical",
            },
            "annotations": {"summary": f"the canary of {self.route} was pulled"},
            "startsAt": self.pulled_at.isoformat(),
            "endsAt": datetime.now(UTC).isoformat() if over else "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": f"{self.number:016x}",
        }


@dataclass
class Episodes:
    """All of them; two threads look at it: who sends, and who watches the ledger."""

    sandbox: SandboxControl
    engine: sa.Engine
    every_seconds: float
    random: Random
    all: list[Episode] = field(default_factory=list)
    noise: list[datetime] = field(default_factory=list)
    since: datetime = field(default_factory=partial(datetime.now, UTC))

    def run(self, over: threading.Event) -> None:
        """Begin an episode at each pace, and see which have an account, until the end."""
        due = 0.0
        while not over.is_set():
            if time.monotonic() >= due and (free := self._free()):
                due = time.monotonic() + self.every_seconds
                self._begin(self.random.choice(free))
            self.look()
            over.wait(0.5)

    def open(self) -> list[Episode]:
        """Return those without an account so far."""
        return [each for each in self.all if each.outcome is None]

    def sent(self) -> dict[str, datetime]:
        """Return the things that alerts were sent about, and when the first of each was."""
        noise = {f"disk-{number}": at for number, at in enumerate(self.noise)}
        return noise | {each.name: each.pulled_at for each in self.all}

    def look(self) -> None:
        """Take the outcomes from the ledger; one that does not answer is asked the next time."""
        waiting = {each.name: each for each in self.open()}
        named = incidents.c.labels["instance"].astext
        wanted = (
            sa.select(named, resolutions.c.outcome)
            .join(incidents, incidents.c.id == resolutions.c.incident_id)
            .where(named.in_(waiting), resolutions.c.outcome != "Failed")
        )
        try:
            with self.engine.connect() as connection:
                found = connection.execute(wanted).tuples().all()
        except sa.exc.SQLAlchemyError:
            return
        for name, outcome in found:
            waiting[name].outcome, waiting[name].ended = outcome, time.monotonic()

    def bodies(self, over: threading.Event) -> Iterator[bytes]:
        """Yield deliveries: one new incident in each, and what is open or just over."""
        for number in itertools.count():
            if over.is_set():
                return
            recent = time.monotonic() - 30
            told = [each for each in self.all if each.ended is None or each.ended > recent]
            known = [each.alert() for each in told[-(PER_BODY - 1) :]]
            older = [self._noise(self.random.randrange(number + 1)) for _ in range(PER_BODY)]
            self.noise.append(datetime.now(UTC))
            yield bodies.body([self._noise(number), *known, *older][:PER_BODY], number)

    def _noise(self, number: int) -> dict[str, object]:
        """Return an alert that no playbook is for."""
        labels = {"alertname": "DiskFills", "instance": f"disk-{number}", "severity": "warning"}
        return bodies.alert(number, self.since) | {"labels": labels}

    def _free(self) -> list[Route]:
        recent = time.monotonic() - _CALM_SECONDS
        taken = {
            each.route
            for each in self.all
            if (each.ended is None and time.monotonic() - each.began < _GIVEN_UP_SECONDS)
            or (each.ended is not None and each.ended > recent)
        }
        return [route for route in Route if route not in taken]

    def _begin(self, route: Route) -> None:
        self.sandbox.roll_back(
            route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
        )
        now = datetime.now(UTC)
        self.all.append(Episode(len(self.all), route, now, time.monotonic()))
