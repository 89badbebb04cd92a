"""The loads under which the cluster is measured, and the repairs among them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import httpx
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.cct import Route
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.config import KEY
from evaluation.soak import bodies

KNOWN = 200
"""So many things are alerted about again and again; one more of them opens no incident."""
_CALM_SECONDS = 3.0  # between an account and the page's next incident
_LOOK_SECONDS = 0.5
_SERVES_PERCENT = 10.0


@dataclass(frozen=True)
class Load:
    """
    So much of each, for so long; ``fitted`` loads give the figures, and the others are predicted.

    ``deliveries`` and ``runs`` are per second. Each delivery has ``alerts``, of which ``news`` are
    about something new. ``repairs`` say whether runs find a pulled canary or nothing to do. Without
    ``paced`` so many ``connections`` send as fast as they are answered.
    """

    name: str
    seconds: float
    fitted: bool = True
    deliveries: float = 0.0
    alerts: int = 5
    news: int = 0
    runs: float = 0.0
    repairs: bool = True
    watch_seconds: int = 5
    workers: int = 3
    paced: bool = True
    connections: int = 16


LOADS = (
    Load("idle", 40),
    Load("idle, one worker", 40, workers=1),
    Load("idle, nine workers", 40, workers=9),
    Load("known alerts", 30, deliveries=20),
    Load("known alerts, one by one", 30, deliveries=40, alerts=1),
    Load("known alerts, many", 30, deliveries=80),
    Load("known alerts, from 16 at once", 20, paced=False),
    Load("known alerts, from 96 at once", 20, paced=False, connections=96),
    Load("new incidents, one by one", 30, deliveries=6, alerts=1, news=1),
    Load("new incidents", 30, deliveries=2, news=5),
    Load("runs with nothing to do", 45, runs=0.4, repairs=False),
    Load("repairs", 50, runs=0.25),
    Load("repairs with a long watch", 70, runs=0.5, watch_seconds=60),
    Load("mixed", 60, fitted=False, deliveries=8, news=1, runs=0.3, repairs=False),
    Load("mixed, much", 60, fitted=False, deliveries=30, alerts=3, runs=0.5, repairs=False),
    Load("as fast as it goes", 20, fitted=False, paced=False, connections=48),
)


@dataclass
class Sender:
    """Makes the deliveries of a load; counts what is in them. All of it began at ``since``."""

    load: Load
    random: Random
    since: datetime
    alerts: int = 0
    new: Iterator[int] = field(default_factory=itertools.count)

    def bodies(self, over: threading.Event) -> Iterator[bytes]:
        """Yield deliveries until the end."""
        for number in itertools.count():
            if over.is_set():
                return
            chosen: list[dict[str, object]] = []
            for _ in range(self.load.news):
                fresh = next(self.new)
                chosen.append(self._about(f"{self.load.name}-{fresh}", 10**6 + fresh))
            known = self.random.sample(range(KNOWN), self.load.alerts - self.load.news)
            chosen += [known_thing(each, self.since) for each in known]
            self.alerts += len(chosen)
            yield bodies.body(chosen, f"{self.load.name}-{number}")

    def _about(self, thing: str, number: int) -> dict[str, object]:
        return about("DiskFills", thing, number, self.since)


def known_thing(number: int, since: datetime) -> dict[str, object]:
    """Return the alert about one of the things that are known."""
    return about("DiskFills", f"known-{number}", number, since)


def about(name: str, thing: str, number: int, since: datetime) -> dict[str, object]:
    """Return an alert about a thing that no playbook is for."""
    labels = {"alertname": name, "instance": thing, "severity": "warning"}
    return bodies.alert(number, since) | {"labels": labels}


@dataclass
class Repair:
    """One incident for the playbook: its page, and whether its account is there."""

    number: int
    name: str
    route: str
    began: float
    at: datetime
    ended: float | None = None

    def alert(self) -> dict[str, object]:
        """Return the alert about it, as it stands now."""
        made = bodies.alert(2 * 10**6 + self.number, self.at)
        labels = {
            "alertname": "CanaryRolledBack",
            "route": self.route,
            "instance": self.name,
            "severity": "warning",
        }
        if self.ended is None:
            return made | {"labels": labels}
        ended = {"status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
        return made | {"labels": labels} | ended


@dataclass
class Runs:
    """Begins incidents for the playbook at the pace of a load, and sees which have an account."""

    made: Cluster
    load: Load
    random: Random
    all: list[Repair] = field(default_factory=list)
    deliveries: int = 0

    def run(self, over: threading.Event) -> None:
        """Begin them until the end, and then wait for those that are open."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        if not self.load.repairs:
            for route in Route:  # a canary that is off is one to put back
                self.made.sandbox.set_canary(route, _SERVES_PERCENT)
        began = time.monotonic()
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
            while not over.is_set():
                due = began + len(self.all) / self.load.runs
                if time.monotonic() >= due and (free := self._free()):
                    self._begin(client, self.random.choice(free))
                else:
                    over.wait(min(0.1, max(0.0, due - time.monotonic()) or 0.1))
            until = time.monotonic() + 240
            while self.open() and time.monotonic() < until:
                self._look(client)
                time.sleep(_LOOK_SECONDS)

    def open(self) -> int:
        """Return how many of them have no account so far."""
        return sum(each.ended is None for each in self.all)

    def watch(self, over: threading.Event) -> None:
        """See which have an account, until the end."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
            while not over.wait(_LOOK_SECONDS):
                self._look(client)

    def _free(self) -> list[Route]:
        """Return the pages that may be pulled; where nothing is to do, all of them may be."""
        if not self.load.repairs:
            return list(Route)
        recent = time.monotonic() - _CALM_SECONDS
        taken = {each.route for each in self.all if each.ended is None or each.ended > recent}
        return [route for route in Route if route not in taken]

    def _begin(self, client: httpx.Client, route: Route) -> None:
        if self.load.repairs:
            pulled = {"observed": 6200, "threshold": 5000, "minutes_ago": 10}
            self.made.sandbox.roll_back(route, "p95_latency_ms", **pulled)
        number = len(self.all)
        name = f"run-{self.load.name}-{number}"
        repair = Repair(number, name, route, time.monotonic(), datetime.now(UTC))
        self.all.append(repair)
        self._post(client, repair)

    def _look(self, client: httpx.Client) -> None:
        waiting = {each.name: each for each in list(self.all) if each.ended is None}
        named = incidents.c.labels["instance"].astext
        wanted = (
            sa.select(named)
            .join(resolutions, incidents.c.id == resolutions.c.incident_id)
            .where(named.in_(waiting))
        )
        with self.made.ledger().connect() as connection:
            found = set(connection.scalars(wanted))
        for name in found:
            waiting[name].ended = time.monotonic()
            self._post(client, waiting[name])

    def _post(self, client: httpx.Client, repair: Repair) -> None:
        body = bodies.body([repair.alert()], f"{repair.name}-{repair.ended}")
        client.post(self.made.hook, content=body).raise_for_status()
        self.deliveries += 1
