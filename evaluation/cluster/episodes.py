"""
What the senders of the soak send: incidents that a playbook repairs, and many that nobody repairs.

Something goes wrong in CCT and an alert says so, again and again, until the ledger has the account
of its run; then the alert is resolved. Its target may have the next one once nothing of it is left.
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
from typing import Literal

import httpx
import sqlalchemy as sa

from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.cct import LimitClass, Route
from cct_ops.models.change import OPEN
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.rate_limit_store import REQUESTS_PER_WINDOW
from evaluation.soak import bodies

PER_BODY = 5
_CALM_SECONDS = 3.0  # between an account and the target's next incident
GIVEN_UP_SECONDS = 300.0
_DOUBTFUL_SECONDS = 60.0
_TOLD_SECONDS = 30.0  # for so long its sender says that it is over

Work = Literal["repaired", "asked", "temporary"]
"""A canary that is put back, at once or after a yes; a limit that is raised for a while."""

ALERTS: dict[Work, tuple[str, str]] = {
    "repaired": ("CanaryRolledBack", "route"),
    "asked": ("CanaryNeedsAPerson", "route"),
    "temporary": ("RateLimited", "limit"),
}
_ASKED_SHARE = 0.4  # of those on pages


@dataclass
class Episode:
    """One thing that went wrong, and what became of it."""

    number: int
    target: str
    began_at: datetime
    began: float
    work: Work = "repaired"
    sent_at: datetime | None = None
    outcome: str | None = None
    ended: float | None = None

    @property
    def name(self) -> str:
        """The label by which its incident is found."""
        return f"episode-{self.number}"

    def alert(self) -> dict[str, object]:
        """Return the alert about it, as it stands now."""
        over = self.outcome is not None
        name, label = ALERTS[self.work]
        return {
            "status": "resolved" if over else "firing",
            "labels": {
                "alertname": name,
                label: self.target,
                "instance": self.name,
                "severity": "critical",
            },
            "annotations": {"summary": f"{self.target} is not as it should be"},
            "startsAt": self.began_at.isoformat(),
            "endsAt": datetime.now(UTC).isoformat() if over else "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": f"{self.number:016x}",
        }


@dataclass
class Episodes:
    """
    All of them; two threads look at it: who sends, and who watches the ledger.

    ``rivals`` is the share of canaries that two are about, whose runs must not both change it. One
    that has no account after ``given_up_seconds`` is told of no more, and its target may have the
    next one.
    """

    sandbox: SandboxControl
    engine: sa.Engine
    every_seconds: float
    rivals: float
    random: Random
    given_up_seconds: float = GIVEN_UP_SECONDS
    all: list[Episode] = field(default_factory=list)
    noise: list[datetime] = field(default_factory=list)
    since: datetime = field(default_factory=partial(datetime.now, UTC))
    _changed: frozenset[str] = frozenset()  # targets with a temporary change that stands
    _doubtful: dict[str, float] = field(default_factory=dict)  # whether they broke is not known

    def run(self, over: threading.Event) -> None:
        """Begin an episode at each pace, and see which have an account, until the end."""
        for limit in LimitClass:  # somewhat more than it allows: it is too small
            self.sandbox.demand(
                f"somebody at {limit}", 1.5 * REQUESTS_PER_WINDOW[limit], limit=limit
            )
        due = 0.0
        while not over.is_set():
            if time.monotonic() >= due and (free := self._free()):
                due = time.monotonic() + self.every_seconds
                self._begin(self.random.choice(free))
            self.look()
            over.wait(0.5)

    def open(self) -> list[Episode]:
        """Return those that an alert was sent about and that have no account so far."""
        return [each for each in self.all if each.sent_at is not None and each.outcome is None]

    def sent(self) -> dict[str, datetime]:
        """Return the things that alerts were sent about, and when the first of each was."""
        noise = {f"disk-{number}": at for number, at in enumerate(self.noise)}
        return noise | {each.name: each.sent_at for each in self.all if each.sent_at is not None}

    def look(self) -> None:
        """Take the outcomes from the ledger; one that does not answer is asked the next time."""
        waiting = {each.name: each for each in self.open()}
        named = incidents.c.labels["instance"].astext
        # A run that died has an account, and its work goes on in the run that took its place.
        wanted = (
            sa.select(named, resolutions.c.outcome)
            .join(dispatches, dispatches.c.flow_run_id == resolutions.c.run_id)
            .join(incidents, incidents.c.id == dispatches.c.incident_id)
            .where(named.in_(waiting))
        )
        standing = sa.select(temporary_changes.c.target).where(temporary_changes.c.state.in_(OPEN))
        try:
            with self.engine.connect() as connection:
                found = connection.execute(wanted).tuples().all()
                self._changed = frozenset(connection.scalars(standing))
        except sa.exc.SQLAlchemyError:
            return
        for name, outcome in found:
            waiting[name].outcome, waiting[name].ended = outcome, time.monotonic()

    def bodies(self, over: threading.Event) -> Iterator[bytes]:
        """Yield deliveries: one new incident in each, and in turn what is open or just over."""
        turn = 0
        for number in itertools.count():
            if over.is_set():
                return
            told = self._lately(_TOLD_SECONDS)
            known = _in_turn(told, turn, PER_BODY - 1)
            turn += len(known)
            for each in known:
                each.sent_at = each.sent_at or datetime.now(UTC)
            older = [self._noise(self.random.randrange(number + 1)) for _ in range(PER_BODY)]
            self.noise.append(datetime.now(UTC))
            alerts = [self._noise(number), *(each.alert() for each in known), *older]
            yield bodies.body(alerts[:PER_BODY], number)

    def _noise(self, number: int) -> dict[str, object]:
        """Return an alert that no playbook is for."""
        labels = {"alertname": "DiskFills", "instance": f"disk-{number}", "severity": "warning"}
        return bodies.alert(number, self.since) | {"labels": labels}

    def _lately(self, seconds: float) -> list[Episode]:
        """Return those that are not over, or have been for no longer than that."""
        now = time.monotonic()
        return [
            each
            for each in [*self.all]
            if (each.began + self.given_up_seconds if each.ended is None else each.ended + seconds)
            > now
        ]

    def _free(self) -> list[str]:
        taken = {each.target for each in self._lately(_CALM_SECONDS)}
        taken |= {name for name, until in self._doubtful.items() if until > time.monotonic()}
        return [each for each in (*Route, *LimitClass) if each not in taken | self._changed]

    def _begin(self, target: str) -> None:
        """Let something go wrong; where CCT does not answer, it is left alone for a while."""
        works: list[Work] = ["temporary"]
        if target in list(Route):
            try:
                self.sandbox.roll_back(
                    target, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
                )
            except httpx.HTTPError:
                self._doubtful[target] = time.monotonic() + _DOUBTFUL_SECONDS
                return
            works = ["asked" if self.random.random() < _ASKED_SHARE else "repaired"]
            works *= 2 if self.random.random() < self.rivals else 1
        now = datetime.now(UTC)
        for work in works:
            self.all.append(Episode(len(self.all), target, now, time.monotonic(), work))


def _in_turn(told: list[Episode], turn: int, most: int) -> list[Episode]:
    """Return the next few of them, so that each has its turn."""
    first = turn % len(told) if told else 0
    return (told[first:] + told[:first])[:most]
