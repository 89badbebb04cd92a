"""The person who sets by hand what automation had weakened, and tells nobody."""

from __future__ import annotations

from datetime import timedelta

from evaluation.simulation.days import Course, Days
from evaluation.simulation.world import World

MEDDLES_AFTER = timedelta(minutes=20)
TENDS_FOR = timedelta(hours=3)


def meddle(world: World, days: Days, target: str) -> Course:
    """Let a person take over the value, and put it back when that person is through."""
    world.by_hand(days.now, target)
    yield TENDS_FOR
    world.person_is_done(target)
