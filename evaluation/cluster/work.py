"""What a cluster works on while it is hurt: alerts, incidents for playbooks, people who answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import sqlalchemy as sa

from cct_ops.beside import beside
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.config import KEY
from evaluation.cluster.episodes import GIVEN_UP_SECONDS, PER_BODY, Episodes
from evaluation.cluster.findings import Finding
from evaluation.cluster.history import is_settled
from evaluation.cluster.judge import Judge
from evaluation.cluster.people import Person
from evaluation.cluster.probe import Probe
from evaluation.cluster.temporary import Hurt
from evaluation.soak.load import Tally, Target, send

DRAIN_SECONDS = 400.0
FOR_EVER = 1_000_000


@dataclass(frozen=True)
class Load:
    """
    So many alerts a second, and so many seconds between incidents for a playbook.

    ``rivals`` is the share of pulled canaries that two incidents are about at once, and what has no
    account after ``given_up_seconds`` keeps no room from others.
    """

    per_second: float
    every_seconds: float
    rivals: float = 0.25
    given_up_seconds: float = GIVEN_UP_SECONDS


@dataclass(frozen=True)
class Work:
    """What is under way on a cluster; ``tallies`` has its one element once nothing is sent."""

    made: Cluster
    episodes: Episodes
    probe: Probe
    tallies: list[Tally] = field(default_factory=list)

    def judge(self, hurts: Sequence[Hurt] = ()) -> list[Finding]:
        """Hold all that was accepted, written and said against the ledger."""
        sandbox, episodes = self.made.sandbox, self.episodes
        writes, messages = sandbox.writes(), sandbox.slack_messages()
        controlled = any(each.kind == "controller" for each in self.made.members.values())
        rows = self.made.ledger(), writes, messages, [*episodes.all], episodes.sent(), hurts
        return Judge(*rows, controlled=controlled).findings()

    def drain(self, seconds: float) -> None:
        """Wait until each incident has its account, all is said, and nothing temporary stands."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.episodes.look()
            if not self.episodes.open() and self._is_settled():
                return
            time.sleep(1)

    def ended(self) -> int:
        """Return how many incidents have their account."""
        return sum(each.outcome is not None for each in [*self.episodes.all])

    def oldest_open(self, now: datetime) -> datetime:
        """Return when the oldest incident without an account began; now where there is none."""
        return min((each.began_at for each in self.episodes.open()), default=now)

    def _is_settled(self) -> bool:
        try:
            return is_settled(self.made.ledger())
        except sa.exc.SQLAlchemyError:  # it is asked again
            return False


@contextmanager
def at_work(
    made: Cluster, random: Random, load: Load, drain_seconds: float = DRAIN_SECONDS
) -> Iterator[Work]:
    """Let a cluster work for the length of the block, and see all to its end after it."""
    work = Work(
        made,
        Episodes(
            made.sandbox,
            made.ledger(),
            load.every_seconds,
            load.rivals,
            random,
            load.given_up_seconds,
        ),
        Probe(made.hook),
    )
    with beside(Person(made.sandbox, random).run):
        with beside(work.episodes.run), beside(work.probe.run), sending(work, load):
            yield work
        work.drain(drain_seconds)


@contextmanager
def sending(work: Work, load: Load) -> Iterator[None]:
    """Send beside the block what is not accepted again and again."""
    target = Target.at(work.made.hook, KEY)

    def come_in(over: threading.Event) -> None:
        bodies, pace = work.episodes.bodies(over), load.per_second / PER_BODY
        sent = send(target, bodies, per_second=pace, connections=16, retries=FOR_EVER)
        work.tallies.append(asyncio.run(sent))

    with beside(come_in):
        yield
