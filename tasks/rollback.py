"""Actions on canaries, and what shows that each took effect."""

from __future__ import annotations

from collections.abc import Callable

from cct_ops.clients.reader import CctReader
from cct_ops.errors import Unsupported
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
    carry_out(permit, call, canary_reset(route))


@action
def disable_canary(permit: Permit, route: Route) -> None:
    """
    Take the canary out of traffic.

    Blast radius: the canary's share of this route goes to stable. Idempotent. Undo: reset_canary.
    """
    call = Call(method="disable_canary", arguments={"route": route.value})
    carry_out(permit, call, canary_off(route))


@action
def promote_canary(permit: Permit, route: Route) -> None:
    """
    Give the canary all of the route's traffic.

    Blast radius: the whole route. Idempotent. Undo: set_canary with the share it had before.
    """
    call = Call(method="promote_canary", arguments={"route": route.value})
    carry_out(permit, call, canary_promoted(route))


@action
def set_canary(
    permit: Permit, route: Route, percentage: float, whitelist: str, blacklist: str
) -> None:
    """
    Turn the canary on at a share, with its lists (joined by commas).

    Blast radius: the canary's share of this route. Idempotent. Undo: the share it had before.
    """
    arguments = {"percentage": percentage, "whitelist": whitelist, "blacklist": blacklist}
    call = Call(method="set_canary", arguments={"route": route.value, **arguments})
    carry_out(permit, call, canary_set(route, percentage, whitelist, blacklist))


def canary_reset(route: Route) -> Look:
    """Show whether the route's canary is on, at its configured share where CCT tells that."""

    def look(cct: CctReader) -> Sighting:
        seen = cct.canary_status().routes[route]
        if not seen.serves:
            return Sighting(took_effect=False, seen=f"canary {seen.shown}")
        # On is not enough: a canary that is reset may have been on before, at another share.
        try:
            configured = cct.canary_config().routes.get(route)
        except Unsupported:
            configured = None
        if configured is None or configured.percentage is None:
            return Sighting(took_effect=True, seen=f"canary {seen.shown}")
        share = f"configured for {configured.percentage:g} %"
        return Sighting(seen.percentage == configured.percentage, f"canary {seen.shown}, {share}")

    return look


def canary_off(route: Route) -> Look:
    """Show whether the route's canary is off."""
    return _canary(route, lambda seen: not seen.enabled)


def canary_promoted(route: Route) -> Look:
    """Show whether the route's canary has all of the traffic."""
    return _canary(route, lambda seen: seen.enabled and seen.percentage == 100)


def canary_set(route: Route, percentage: float, whitelist: str, blacklist: str) -> Look:
    """Show whether the route's canary is on at that share, with those lists."""
    return _canary(
        route,
        lambda seen: (
            seen.enabled
            and seen.percentage == percentage
            and ",".join(seen.whitelist) == whitelist
            and ",".join(seen.blacklist) == blacklist
        ),
    )


def _canary(route: Route, took_effect: Callable[[CanaryConfig], bool]) -> Look:
    def look(cct: CctReader) -> Sighting:
        seen = cct.canary_status().routes[route]
        return Sighting(took_effect(seen), f"canary {seen.shown}")

    return look
