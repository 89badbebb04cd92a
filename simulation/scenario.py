"""
What happens in the week, the same for both ways of meeting it: alerts, and what people do.

All luck is drawn here, from one seed: whether a fix would work, whether its run dies or stalls.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)


class Kind(StrEnum):
    """How targets behave; also the playbook that is meant for them."""

    STEADY = "steady"  # fails now and then, and a fix helps
    FLAPPING = "flapping"  # comes and goes by itself; a fix seems to help
    RECURRING = "recurring"  # a fix helps for an hour or two
    FAILING = "failing"  # no fix helps
    WEAKENED = "weakened"  # fixed by a temporary change, which has to be taken back


@dataclass(frozen=True)
class Behaviour:
    """How many targets of a kind there are, how often they fail, and what fixes come to."""

    targets: int
    every_minutes: float
    heals_after_minutes: float
    works: float


BEHAVIOUR = {
    Kind.STEADY: Behaviour(20, 24 * 60, 600, 0.99),
    Kind.FLAPPING: Behaviour(8, 60, 6, 0.95),
    Kind.RECURRING: Behaviour(6, 100, 60, 0.97),
    Kind.FAILING: Behaviour(5, 80, 40, 0.02),
    Kind.WEAKENED: Behaviour(5, 8 * 60, 300, 0.97),
}
STORMS_AT_HOURS = (30.0, 77.5, 131.0)
STORM_INCIDENTS = 70
STORM_MINUTES = 6.0
DIES = 0.01
STALLS = 0.01


@dataclass(frozen=True)
class Firing:
    """One alert that fires, and what would come of a run that acts on it."""

    at: datetime
    kind: Kind
    target: str
    alertname: str
    heals_at: datetime
    works: bool
    dies: bool
    stalls: bool
    answer_minutes: float  # how long a person would take for an answer
    says_yes: bool


def firings(days: float, seed: int) -> list[Firing]:
    """Return all alerts in order of time."""
    luck = random.Random(seed)  # noqa: S311 -- a simulation, and one that can be repeated
    end = START + timedelta(days=days)
    found = []
    for kind, each in BEHAVIOUR.items():
        for number in range(each.targets):
            moment = START + luck.expovariate(1 / each.every_minutes) * MINUTE
            while moment < end:
                found.append(_firing(luck, moment, kind, number))
                if luck.random() < 0.05:  # another alert about the same thing, a little later
                    found.append(_firing(luck, moment + luck.random() * 4 * MINUTE, kind, number))
                moment += luck.expovariate(1 / each.every_minutes) * MINUTE
    for hours in STORMS_AT_HOURS:
        for _ in range(STORM_INCIDENTS):
            moment = START + timedelta(hours=hours) + luck.random() * STORM_MINUTES * MINUTE
            kind = luck.choice(list(Kind))
            found.append(_firing(luck, moment, kind, luck.randrange(BEHAVIOUR[kind].targets)))
    return sorted((each for each in found if each.at < end), key=lambda each: each.at)


def _firing(luck: random.Random, at: datetime, kind: Kind, number: int) -> Firing:
    behaviour = BEHAVIOUR[kind]
    return Firing(
        at=at,
        kind=kind,
        target=f"/{kind}-{number:02}",
        alertname=luck.choice(("CanaryRolledBack", "SLOBreach", "HighLatency")),
        heals_at=at + luck.uniform(0.5, 1.5) * behaviour.heals_after_minutes * MINUTE,
        works=luck.random() < behaviour.works,
        dies=luck.random() < DIES,
        stalls=luck.random() < STALLS,
        answer_minutes=luck.uniform(1, 20),
        says_yes=luck.random() < 0.9,
    )
