"""Actions on CCT's admin limiter, what shows that each took effect, and how it is verified."""

from __future__ import annotations

from cct_ops.clients.reader import CctReader
from cct_ops.models.cct_limits import LimitClass, LimitedUser, RateLimitStatus
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from cct_ops.models.steady_state import LimitNotReached
from cct_ops.models.verification import Verdict, Verification
from tasks.carry_out import Look, Sighting, action, carry_out


@action
def set_rate_limit(permit: Permit, endpoint: LimitClass, max_requests: int, window_ms: int) -> None:
    """
    Set how many requests each user may make in one class.

    Blast radius: every user of that class, and the load on CCT. Idempotent.
    Undo: set_rate_limit with the prior values.
    """
    call = Call(
        method="set_rate_limit",
        arguments={
            "endpoint": endpoint.value,
            "max_requests": max_requests,
            "window_ms": window_ms,
        },
    )
    carry_out(permit, call, limit_is(endpoint, max_requests, window_ms))


@action
def clear_rate_limits(permit: Permit) -> None:
    """
    Forget what was counted of everybody.

    Blast radius: every user may ask for a whole window's requests at once. Idempotent.
    Cannot be undone.
    """
    carry_out(permit, Call(method="clear_rate_limits", arguments={}), nobody_starves())


@action
def reset_user_limit(permit: Permit, user: str) -> None:
    """
    Forget what was counted of one user.

    Blast radius: that user may ask for a whole window's requests at once. Idempotent.
    Cannot be undone.
    """
    call = Call(method="reset_user_limit", arguments={"user": user})
    carry_out(permit, call, user_does_not_starve(user))


def limit_is(endpoint: LimitClass, max_requests: int, window_ms: int) -> Look:
    """Show whether the class has this limit."""

    def look(cct: CctReader) -> Sighting:
        seen = cct.rate_limit_config().limits.get(endpoint)
        if seen is None:
            return Sighting(took_effect=False, seen=f"{endpoint} has no limit")
        as_set = (seen.max_requests, seen.window_ms) == (max_requests, window_ms)
        return Sighting(as_set, f"{seen.max_requests} requests per {seen.window_ms / 1000:g} s")

    return look


def nobody_starves() -> Look:
    """Show whether no user is refused while asking for no more than its limit."""

    def look(cct: CctReader) -> Sighting:
        starved = _starved(cct.rate_limit_status())
        return Sighting(not starved, f"{len(starved)} users are still refused")

    return look


def user_does_not_starve(user: str) -> Look:
    """Show whether this user is not refused while asking for no more than its limit."""

    def look(cct: CctReader) -> Sighting:
        starved = [each for each in _starved(cct.rate_limit_status()) if each.user == user]
        return Sighting(not starved, f"{user} is {'still' if starved else 'not'} refused")

    return look


def _starved(status: RateLimitStatus) -> list[LimitedUser]:
    most = {limit.endpoint: limit.max_requests for limit in status.limits}
    return [
        user
        for user in status.users
        if user.blocked and user.requests_in_window <= most.get(user.endpoint, 0)
    ]


def limit_not_reached(steady: LimitNotReached, cct: CctReader) -> Verification:
    """Judge whether none of the users is refused any more."""
    users = [user for user in cct.rate_limit_status().users if user.endpoint == steady.limit]
    refused = [user for user in users if user.blocked and user.user in steady.users]
    if refused:
        names = ", ".join(f"{user.user} ({user.requests_in_window} requests)" for user in refused)
        reason = f"{steady.limit} still refuses {names}."
        return Verification(verdict=Verdict.BROKEN, reason=reason, samples=len(users))
    reason = f"{steady.limit} refuses none of {', '.join(steady.users)}."
    return Verification(verdict=Verdict.HOLDS, reason=reason, samples=len(users))
