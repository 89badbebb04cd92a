"""Actions on canaries, and what shows that each took effect."""

from __future__ import annotations

from collections.abc import Callable

from cct_ops.clients.reader import CctReader
from cct_ops.models.cct import CanaryConfig, Route
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks.carry_out import Look, Sighting, action, carry_out


@action
def reset_canary(permit: Permit, route: Route) -> None:
    """
    Put the canary back to its configured traffic share.

    Blast radius: the canary's share of this route. Idempotent. Undo: disable_canary.
    """
    call = Call(method="reset_canary", arguments={"route": route.value})
    carry_out(permit, call, canary_on(route))


@action
def disable_canary(permit: Permit, route: Route) -> None:
    """
    Take the canary out of traffic.

    Blast radius: the canary's share of this route goes to stable. Idempotent. Undo: reset_canary.
    """
    call = Call(method="disable_canary", arguments={"route": route.value})
    carry_out(permit, call, canary_off(route))


def canary_on(route: Route) -> Look:
    """Show whether the route's canary is on."""
    return _canary(route, lambda seen: seen.enabled and seen.percentage > 0)


def canary_off(route: Route) -> Look:
    """Show whether the route's canary is off."""
    return _canary(route, lambda seen: not seen.enabled)


def _canary(route: Route, took_effect: Callable[[CanaryConfig], bool]) -> Look:
    def look(cct: CctReader) -> Sighting:
        seen = cct.canary_status().routes[route]
        words = f"canary {'on' if seen.enabled else 'off'} at {seen.percentage:g} %"
        return Sighting(took_effect(seen), words)

    return look
