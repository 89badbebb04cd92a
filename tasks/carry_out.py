"""
How every action is carried out: with a permit, sent once and never retried, then read back.

CCT answers 200 to writes that it does not store, and an answer may be lost after the write was
made. So neither an answer nor its absence is believed: what a read shows afterwards decides. Only
a refusal is taken for what it says: nothing was done, in whose words.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from prefect import get_run_logger

from cct_ops.actions.action import ReadBack
from cct_ops.errors import (
    ContractBroken,
    NotDone,
    OpsError,
    Rejected,
    SteadyStateNotReached,
    Unavailable,
    Unconfirmed,
    Unsupported,
)
from cct_ops.ledger import changes, permits
from cct_ops.ledger.permits import NOT_DONE, WITHOUT_EFFECT
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from cct_ops.models.quantities import duration
from tasks.connections import (
    confirming_reader,
    github_operator,
    github_reader,
    ledger,
    operator,
    settings,
)

FIRST_LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


class System(NamedTuple):
    """
    How a system outside is opened for looking, for looking after a change, and for changing.

    Where a call is more than ``one_request`` it may be refused halfway: then a look has to say
    what is left of it.
    """

    name: str
    reader: Callable[[], AbstractContextManager[Any]]
    operator: Callable[[Permit], AbstractContextManager[Any]]
    one_request: bool = True


CCT = System("CCT", confirming_reader, operator)
GITHUB = System("GitHub", github_reader, github_operator, one_request=False)
SYSTEMS = {system.name: system for system in (CCT, GITHUB)}

# What a look takes is its system's reader.
Look = Callable[[Any], ReadBack]


def carry_out(permit: Permit, call: Call, look: Look, system: System = CCT) -> None:
    """
    Send one call, and return once ``look`` shows its effect.

    Raises ``NotPermitted`` before anything is sent, ``NotDone`` when the system refused it, and
    ``SteadyStateNotReached`` when it was taken and its effect does not show for as long as reads
    may lag behind writes; ``Unconfirmed`` when in that time nothing showed how it stands.
    """
    doubt = _send(permit, call, system)
    halfway = doubt is not None and _refused(doubt)
    seen = _read_back(look, system, 0.0 if halfway else settings().settle_seconds)
    if seen.took_effect:
        permits.confirm(ledger(), permit, call)
        changes.activate(ledger(), permit, call)
        return
    if not seen.answered:
        raise Unconfirmed(
            f"Whether {call} took effect is not known: {_sentence(doubt)}no look was answered since"
            f" ({seen.words})."
        )
    if halfway:
        raise NotDone(
            f"{system.name} refused {call}: {doubt} It did not take effect: {seen.words}."
        )
    within = f"it did not take effect within {duration(settings().settle_seconds)}: {seen.words}."
    if doubt is not None:
        permits.settle(ledger(), permit, call, NOT_DONE)
        raise NotDone(f"{call} was not carried out. {_sentence(doubt)}And {within}")
    permits.settle(ledger(), permit, call, WITHOUT_EFFECT)
    raise SteadyStateNotReached(
        f"{system.name} answered that {call} was done, and {within} Either it stored nothing, or"
        " somebody changed it since."
    )


def _send(permit: Permit, call: Call, system: System) -> OpsError | None:
    """Send the call, and return what leaves its fate in doubt; None when it was taken."""
    try:
        with system.operator(permit) as world:
            world.perform(call)
    except (Rejected, Unsupported, Unavailable, ContractBroken) as error:
        sent = permits.journalled(ledger(), permit, call)
        if not sent:
            raise  # it came before the change: nothing was sent
        if _refused(error) and system.one_request:
            permits.settle(ledger(), permit, call, NOT_DONE)
            raise NotDone(
                f"{system.name} refused {call}, so nothing was changed: {error}"
            ) from error
        get_run_logger().warning("In doubt whether %s was carried out: %s", call, error)
        return error
    return None


def _refused(error: OpsError) -> bool:
    """Say whether it certainly did nothing: it was refused as it is, or it never arrived."""
    if isinstance(error, Unavailable):
        return error.refused or error.never_left
    return isinstance(error, Rejected | Unsupported)


def _sentence(doubt: OpsError | None) -> str:
    return "" if doubt is None else f"{doubt} "


class _Seen(NamedTuple):
    took_effect: bool
    answered: bool
    words: str


def _read_back(look: Look, system: System, settle: float) -> _Seen:
    """
    Look until the effect shows, or a look that began when no read lags any more shows that not.

    Looks that wait for their turn or are not answered use up none of that time: it takes an answer.
    Only when none comes for as long again it is given up.
    """
    sent = time.monotonic()
    pause = FIRST_LOOK_SECONDS
    while True:
        began = time.monotonic()
        try:
            with system.reader() as world:
                sighting = look(world)
        except Unavailable as error:
            if time.monotonic() - sent > 2 * settle:
                return _Seen(took_effect=False, answered=False, words=str(error).rstrip("."))
        else:
            if sighting.took_effect or began - sent >= settle:
                return _Seen(sighting.took_effect, answered=True, words=sighting.seen)
        left = settle - (time.monotonic() - sent)
        time.sleep(min(pause, left) if left > 0 else pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
