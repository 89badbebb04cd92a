"""Actions on CCT's admin limiter, and how it is verified."""

from __future__ import annotations

from cct_ops.actions.rate_limits import ClearRateLimits, ResetUserLimit, SetRateLimit
from cct_ops.clients.reader import CctReader
from cct_ops.models.plan import LimitNotReached
from cct_ops.models.verification import Verdict, Verification
from tasks.acting import action

set_rate_limit = action(SetRateLimit)
clear_rate_limits = action(ClearRateLimits)
reset_user_limit = action(ResetUserLimit)


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
