"""
How every action is carried out: with a permit, sent once and never retried, then read back.

CCT answers 200 to writes that it does not store, and an answer may be lost after the write was
made. So neither an answer nor its absence is believed: what a read shows afterwards decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, ParamSpec

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import validate_call

from cct_ops.errors import SteadyStateNotReached, Unavailable
from cct_ops.ledger import changes, permits
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from cct_ops.models.quantities import duration
from tasks.connections import ledger, operator, reader, settings

P = ParamSpec("P")

FIRST_LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


def action(function: Callable[P, None]) -> Task[P, None]:
    """Make an action of a function: run once, nothing kept, arguments checked by their types."""
    made = task(retries=0, cache_policy=NO_CACHE, persist_result=False)
    return made(validate_call(function))


class Sighting(NamedTuple):
    """What one look shows: whether the change took effect, and what was seen instead."""

    took_effect: bool
    seen: str


class System(NamedTuple):
    """How a system outside is opened for looking and, with a permit, for changing."""

    reader: Callable[[], AbstractContextManager[Any]]
    operator: Callable[[Permit], AbstractContextManager[Any]]


CCT = System(reader, operator)

# What a look takes is its system's reader.
Look = Callable[[Any], Sighting]


def carry_out(permit: Permit, call: Call, look: Look, system: System = CCT) -> None:
    """
    Send one call, and return once ``look`` shows its effect.

    Raises ``NotPermitted`` before anything is sent, and ``SteadyStateNotReached`` when the effect
    does not show for as long as reads may lag behind writes.
    """
    with system.operator(permit) as world:
        try:
            world.perform(call)
        except Unavailable as error:
            get_run_logger().warning("In doubt whether %s was carried out: %s", call, error)
    _read_back(call, look, system)
    permits.confirm(ledger(), permit, call)
    changes.activate(ledger(), permit, call)


def _read_back(call: Call, look: Look, system: System) -> None:
    until = time.monotonic() + settings().settle_seconds
    pause = FIRST_LOOK_SECONDS
    while True:
        try:
            with system.reader() as world:
                sighting = look(world)
        except Unavailable as error:
            sighting = Sighting(took_effect=False, seen=str(error))
        if sighting.took_effect:
            return
        if time.monotonic() + pause > until:
            raise SteadyStateNotReached(
                f"{call} was sent and did not take effect within"
                f" {duration(settings().settle_seconds)}: {sighting.seen}."
            )
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
