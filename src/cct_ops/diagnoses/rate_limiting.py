"""
Who is refused by CCT's admin limiter, why, and what would help.

Limits count per user. So one user that asks for many times its share hurts nobody but itself, and a
higher limit would only let it ask for more; several that ask for a little more than their share
have outgrown it. And who is refused while asking for less is starved: CCT's bucket never refills
for a caller that keeps polling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from cct_ops.actions.rate_limits import ClearRateLimits, ResetUserLimit, SetRateLimit
from cct_ops.diagnoses.limits import ABUSE_FACTOR, LimitFindings
from cct_ops.models.base import Frozen, duration
from cct_ops.models.cct import LimitClass, LimitedUser
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import LimitNotReached, Plan, Scalar
from cct_ops.models.run import Outcome, Severity

HEADROOM = 1.25


class Fix(StrEnum):
    """The fix to apply: the one that the diagnosis recommends, or one of the runbook's."""

    RECOMMENDED = "recommended"
    RAISE = "raise"
    CLEAR = "clear"
    RESET_USER = "reset-user"


class Cause(StrEnum):
    """Why requests are refused."""

    NOBODY_REFUSED = "nobody is refused"
    ABUSE = "one user asks for many times the limit"
    UNDERSIZED = "the limit is too small"
    STARVED = "users are starved"
    OURSELVES = "our own requests are refused"


UserName = Annotated[str, Field(min_length=1, max_length=200)]
Requests = Annotated[int, Field(ge=1, le=1000)]
Minutes = Annotated[int, Field(ge=1, le=480)]


class RateLimitOptions(Frozen):
    """The options of a run: the fix, the user, the limit, and its duration."""

    fix: Fix = Fix.RECOMMENDED
    user: UserName | None = None
    max_requests: Requests | None = None
    lasts_minutes: Minutes = 60


class LimitDiagnosis(Conclusion):
    """Why requests are refused; without a plan ``outcome`` says how the run ends."""

    playbook: ClassVar[str] = "rate-limiting"
    target: LimitClass
    cause: Cause

    @classmethod
    def of(
        cls, found: LimitFindings, options: RateLimitOptions, watch_seconds: float
    ) -> LimitDiagnosis:
        """Conclude from what the probes saw and from what was asked for."""
        target, cause = LimitClass(found.limit.endpoint), _cause(found)
        headline, outcome = _headline(target, cause, found), Outcome.RECOMMENDED
        if cause is Cause.NOBODY_REFUSED:
            outcome = Outcome.NOTHING_TO_DO
        plan = None
        if found.blocked:
            drafted = _plan(target, cause, found, options, watch_seconds)
            if isinstance(drafted, str):
                headline, outcome = f"{headline} {drafted}", Outcome.BLOCKED
            else:
                plan = drafted
        return cls(
            target=target,
            cause=cause,
            headline=headline,
            severity=Severity.P2 if cause in {Cause.NOBODY_REFUSED, Cause.ABUSE} else Severity.P1,
            evidence=found.evidence,
            plan=plan,
            outcome=outcome,
        )


def _cause(found: LimitFindings) -> Cause:
    if found.outgrown:
        return Cause.UNDERSIZED
    if found.starved:
        return Cause.STARVED
    if found.abusers:
        return Cause.ABUSE
    ours = found.burst is not None and found.burst.refused
    return Cause.OURSELVES if ours else Cause.NOBODY_REFUSED


def _recommended(cause: Cause, found: LimitFindings) -> Fix | None:
    match cause:
        case Cause.UNDERSIZED:
            return Fix.RAISE
        case Cause.STARVED:
            return Fix.RESET_USER if len(found.starved) == 1 else Fix.CLEAR
        case _:
            return None


def _plan(
    target: LimitClass,
    cause: Cause,
    found: LimitFindings,
    options: RateLimitOptions,
    watch_seconds: float,
) -> Plan | str | None:
    """Draft the plan of a fix, or say why that fix cannot be."""
    fix = _recommended(cause, found) if options.fix is Fix.RECOMMENDED else options.fix
    radius = "Whoever is forgotten may ask for a whole window's requests again, at once."
    person: str | None = "Counts that are forgotten do not come back."
    match fix:
        case None:
            return None
        case Fix.RAISE:
            now, helped = found.limit, found.outgrown or found.blocked
            wanted = options.max_requests or _suggested(now.max_requests, helped)
            if wanted <= now.max_requests:
                return f"Not raised: {wanted} is no more than the limit of {now.max_requests}."
            change = SetRateLimit(endpoint=target, window_ms=now.window_ms, max_requests=wanted)
            step = change.step(change.undo(now), lasts_minutes=options.lasts_minutes)
            summary = (
                f"Raise the limit of {target} from {now.max_requests} to {wanted} requests per"
                f" {now.window_ms / 1000:g} s, for {duration(options.lasts_minutes * 60)}."
            )
            radius = f"Every user of {target} may ask for more; CCT bears the load."
            person = f"A higher limit does not help against this ({cause})."
            if cause is Cause.UNDERSIZED:
                person = None
            users = tuple(each.user for each in helped)
        case Fix.RESET_USER:
            user = options.user or (found.blocked[0].user if len(found.blocked) == 1 else None)
            if not user or user not in {each.user for each in found.blocked}:
                return "Not reset: name a user who is refused."
            step = ResetUserLimit(user=user).step(None)
            summary = f"Forget what was counted of {user}."
            users = (user,)
        case _:
            step = ClearRateLimits().step(None)
            summary = "Forget what was counted of everybody."
            # Without any to be seen served again, nothing would be verified.
            users = tuple(each.user for each in found.starved or found.blocked)
    return Plan(
        playbook=LimitDiagnosis.playbook,
        target=target,
        summary=summary,
        blast_radius=radius,
        steps=(step,),
        steady_state=LimitNotReached(limit=target, users=users, watch_seconds=watch_seconds),
        state=_state(cause, found),
        needs_person=person,
    )


def _suggested(most: int, helped: Sequence[LimitedUser]) -> int:
    """Return a limit with room for what these users ask for, always more than there is."""
    demand = max(user.requests_in_window for user in helped)
    # Rounded up, so that a little more or less demand does not make it another plan.
    suggested = min(math.ceil(demand * HEADROOM / 10) * 10, ABUSE_FACTOR * most)
    return max(suggested, most + 1)


def _state(cause: Cause, found: LimitFindings) -> dict[str, Scalar]:
    """Return what the plan rests on; how much each user asks changes from look to look."""
    return {
        "cause": cause.value,
        "max_requests": found.limit.max_requests,
        "window_ms": found.limit.window_ms,
        "refused": ", ".join(sorted(user.user for user in found.blocked)),
    }


def _headline(target: LimitClass, cause: Cause, found: LimitFindings) -> str:
    most = found.limit.max_requests
    match cause:
        case Cause.UNDERSIZED:
            asked = ", ".join(f"{u.user} asks for {u.requests_in_window}" for u in found.outgrown)
            return f"{target} is too small: of {most} requests per window {asked}."
        case Cause.STARVED:
            names = ", ".join(user.user for user in found.starved)
            return f"{target} starves {names}: refused although asking for no more than {most}."
        case Cause.ABUSE:
            names = ", ".join(f"{u.user} ({u.requests_in_window})" for u in found.abusers)
            return (
                f"{target}: {names} asks for many times the limit of {most}. No limit should be"
                " raised for that: find out what this client does and stop it."
            )
        case Cause.OURSELVES:
            return (
                f"{target}: no user is refused, but our own requests are."
                " Nothing is sent for a while, which is what refills CCT's bucket."
            )
        case _:
            past = f"; {len(found.events)} were in the last hour" if found.events else ""
            return f"{target}: nobody is refused at the moment{past}."
