"""
What happens in the week, the same for both ways of meeting it: alerts, and what people do.

All luck is drawn here, from one seed: whether a fix would work, where its run dies or stalls, and
what becomes of a temporary change.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from cct_ops.models.maintenance import Window
from cct_ops.models.silence import Matcher, Silence

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
USUAL = "load"
"""The cause of a failure where nothing else is said."""


class Kind(StrEnum):
    """The way that targets behave; also the playbook that is meant for them."""

    STEADY = "steady"  # fails now and then, and a fix helps
    FLAPPING = "flapping"  # comes and goes by itself; a fix seems to help
    RECURRING = "recurring"  # a fix helps for an hour or two
    FAILING = "failing"  # no fix helps
    WEAKENED = "weakened"  # fixed by a temporary change, which has to be taken back
    STAGED = "staged"  # one of the situations that are set up one by one
    RIVAL = "rival"  # another playbook for the targets of those
    WATCHED = "watched"  # of which policy wants no more than a recommendation


class Mishap(StrEnum):
    """A mishap that strikes the process of a run that acts."""

    DIES_AT_FIRST = "it died with its permit, before it had changed anything"
    DIES_IN_DOUBT = "it died when it had noted its call, before that was sent"
    DIES_UNTOLD = "it died when its call had arrived, before it knew"
    DIES_VERIFIED = "it died when its fix was verified, before its account"
    STALLS = "it was stopped in the middle of its change and woke up much later"
    DAWDLES = "its call was answered much later than its permit lasted"
    STORES_NOTHING = "its calls were answered and stored nowhere"


class RevertMishap(StrEnum):
    """A mishap that strikes whoever takes a temporary change back."""

    LOST = "its run was lost before it began"
    DIES_AT_FIRST = "it died when it had begun, before it changed anything"
    DIES_UNTOLD = "it died when the old value was back, before its account"


@dataclass(frozen=True)
class Behaviour:
    """The number of targets of a kind, how often they fail, and the results of fixes."""

    targets: int
    every_minutes: float
    heals_after_minutes: float
    works: float


BEHAVIOUR = {
    Kind.STEADY: Behaviour(20, 24 * 60, 600, 0.99),
    Kind.FLAPPING: Behaviour(5, 60, 6, 0.95),
    Kind.RECURRING: Behaviour(5, 120, 60, 0.97),
    Kind.FAILING: Behaviour(2, 25, 12, 0.02),
    Kind.WEAKENED: Behaviour(8, 4 * 60, 90, 0.97),
}
BY_CHANCE = list(Mishap)[:5]
MISHAPS = 0.05
REVERT_MISHAPS = 0.2
MEDDLES = 0.1


@dataclass(frozen=True)
class Burst:
    """Many alerts within a short time: a storm, or an hour in which just too much goes wrong."""

    at_hours: float
    alerts: int
    minutes: float


BURSTS = (
    Burst(10, 50, 60),
    Burst(30, 70, 6),
    Burst(77.5, 70, 6),
    Burst(106, 50, 60),
    Burst(131, 70, 6),
)


class Span(NamedTuple):
    """A time of the week, from its beginning."""

    begins: timedelta
    ends: timedelta

    def covers(self, moment: datetime) -> bool:
        """Return whether it is that time."""
        return START + self.begins <= moment < START + self.ends


@dataclass(frozen=True)
class Orders:
    """The targets to leave alone, and when; those that policy never listed, always."""

    stopped: tuple[Span, ...]
    held: Mapping[str, Span]
    silenced: Mapping[str, Span]
    windows: tuple[Window, ...]
    unlisted: frozenset[str]


NIGHT = Span(0 * HOUR, 6 * HOUR)
ORDERS = Orders(
    stopped=(Span(14 * MINUTE, 20 * MINUTE), Span(62 * HOUR, 63 * HOUR)),
    held={"/staged-held": NIGHT, "/flapping-01": Span(81 * HOUR, 89 * HOUR)},
    silenced={"/staged-silenced": NIGHT, "/flapping-02": Span(10 * HOUR, 38 * HOUR)},
    windows=(
        Window(name="the weekly move", days=("sun",), start="02:00", end="06:00"),
        Window(
            name="the early shift",
            days=("mon",),
            start="00:00",
            end="06:00",
            targets=("/staged-window",),
        ),
    ),
    unlisted=frozenset({"/staged-unlisted", "/steady-19"}),
)


@dataclass(frozen=True)
class Firing:
    """One alert that fires, and what would come of a run that acts on it."""

    at: datetime
    kind: Kind
    target: str
    alertname: str
    heals_at: datetime
    works: bool
    mishap: Mishap | None
    revert_mishap: RevertMishap | None
    meddled: bool  # a person sets the weakened value by hand meanwhile
    answer_minutes: float  # how long a person would take for an answer
    says_yes: bool
    cause: str = USUAL
    needs_person: bool = False  # its plan is for no automation alone
    urgent: bool = False  # the person answers at night as well
    retried: bool = False  # somebody presses Retry when its run is over
    recovered_alive: bool = False  # somebody takes its run for dead that is at work


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
    for burst in BURSTS:
        for _ in range(burst.alerts):
            moment = (
                START + timedelta(hours=burst.at_hours) + luck.random() * burst.minutes * MINUTE
            )
            kind = luck.choice(list(BEHAVIOUR))
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
        mishap=luck.choice(BY_CHANCE) if luck.random() < MISHAPS else None,
        revert_mishap=(luck.choice(list(RevertMishap)) if luck.random() < REVERT_MISHAPS else None),
        meddled=luck.random() < MEDDLES,
        answer_minutes=luck.uniform(1, 20),
        says_yes=luck.random() < 0.9,
    )


def silences(now: datetime) -> tuple[Silence, ...]:
    """Return what Alertmanager would answer."""
    return tuple(
        Silence(
            id=target,
            matchers=(Matcher(label="route", operator="=", value=target),),
            ends_at=START + span.ends,
            created_by="ada",
            comment="a known one",
        )
        for target, span in ORDERS.silenced.items()
        if span.covers(now)
    )
