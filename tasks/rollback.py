"""
Actions on canaries: each needs a permit, is sent once and never retried, and is then read back.

CCT answers 200 to writes that it does not store, and an answer may be lost after the write was
made. So neither an answer nor its absence is believed: what ``canary/status`` shows decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from cct_ops.errors import SteadyStateNotReached, Unavailable
from cct_ops.ledger import permits
from cct_ops.models.cct import CanaryConfig, Route
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks.connections import ledger, operator, reader, settings

FIRST_LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

action = task(retries=0, cache_policy=NO_CACHE, persist_result=False)


@action
def reset_canary(permit: Permit, route: Route) -> CanaryConfig:
    """
    Put the canary back to its configured traffic share.

    Blast radius: the canary's share of this route. Idempotent. Undo: disable_canary.
    """
    call = Call(method="reset_canary", arguments={"route": route.value})
    return _carry_out(permit, call, route, lambda canary: canary.enabled and canary.percentage > 0)


@action
def disable_canary(permit: Permit, route: Route) -> CanaryConfig:
    """
    Take the canary out of traffic.

    Blast radius: the canary's share of this route goes to stable. Idempotent. Undo: reset_canary.
    """
    call = Call(method="disable_canary", arguments={"route": route.value})
    return _carry_out(permit, call, route, lambda canary: not canary.enabled)


ACTIONS = {"reset_canary": reset_canary, "disable_canary": disable_canary}


def undo(permit: Permit, call: Call) -> None:
    """Carry out one call of a restore permit, read back like any other."""
    ACTIONS[call.method](permit, Route(str(call.arguments["route"])))


def _carry_out(
    permit: Permit, call: Call, route: Route, took_effect: Callable[[CanaryConfig], bool]
) -> CanaryConfig:
    with operator(permit) as cct:
        try:
            cct.perform(call)
        except Unavailable as error:
            get_run_logger().warning("In doubt whether %s was carried out: %s", call, error)
    config = _read_back(call, route, took_effect)
    permits.confirm(ledger(), permit, call)
    return config


def _read_back(
    call: Call, route: Route, took_effect: Callable[[CanaryConfig], bool]
) -> CanaryConfig:
    """Look until the change shows, for as long as CCT's reads may lag behind its writes."""
    until = time.monotonic() + settings().settle_seconds
    pause = FIRST_LOOK_SECONDS
    seen = "nothing could be read"
    while True:
        try:
            with reader() as cct:
                config = cct.canary_status().routes[route]
        except Unavailable as error:
            seen = str(error)
        else:
            if took_effect(config):
                return config
            seen = f"canary {'on' if config.enabled else 'off'} at {config.percentage:g} %"
        if time.monotonic() + pause > until:
            raise SteadyStateNotReached(
                f"{call} was sent and did not take effect within {settings().settle_seconds:g} s:"
                f" {seen}."
            )
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
