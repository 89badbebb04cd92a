"""Requests are refused."""

from __future__ import annotations

from cct_ops.models.cct import LimitClass
from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import LASTS, Drill, End, Left, Scenario, Spoilt, Step, undone

CLASS = {"target": LimitClass.CANARY.value}
SET_LIMIT = ("POST rate-limit/config",)
RAISE = Step("set_rate_limit", SET_LIMIT, "set_rate_limit", SET_LIMIT, lasts=True)
CLEAR, RESET = ("POST rate-limit/clear",), ("POST rate-limit/reset",)
UNREAD = "The limits cannot even be read, whatever the fix; the first row shows it."
NEEDED_PER_MINUTE = 70  # by who asks for most


def raised(left: Left) -> bool:
    """The limit is above what the users need."""
    limits = left.sandbox.state().rate_limits.limits
    return limits[LimitClass.CANARY].max_requests > NEEDED_PER_MINUTE


SCENARIOS = (
    Scenario(
        "rate-limiting",
        seeds.small_limit,
        truths.limit,
        End("Resolved", "refuses none of ben, ann", stands=True),
        (RAISE,),
        parameters={**CLASS, "fix": "raise", "lasts_minutes": 30},
        spoilt=Spoilt(End("Undone", "still refuses", undone(RAISE)), seeds.starved_user),
        handlers_only=End("Blocked", "This CCT has no administration of rate limits"),
        bare="no administration of rate limits",
        drill=Drill(raised, {"fix": "recommended"}),
    ),
    Scenario(
        "rate-limiting",
        seeds.starved_users,
        truths.starved,
        End("Resolved", "refuses none of ann, ben", stands=True),
        (Step("clear_rate_limits", CLEAR),),
        parameters={**CLASS, "fix": "clear"},
        asks=True,
        spoilt=Spoilt(
            End("Failed", f"{LASTS}clear_rate_limits()", CLEAR, stands=True),
            manual_change=seeds.starved_user,
        ),
        handlers_only=UNREAD,
    ),
    Scenario(
        "rate-limiting",
        seeds.starved_user,
        truths.starved,
        End("Resolved", "refuses none of ann", stands=True),
        (Step("reset_user_limit", RESET),),
        parameters={**CLASS, "fix": "reset-user"},
        asks=True,
        spoilt=Spoilt(
            End("Failed", f"{LASTS}reset_user_limit(user='ann')", RESET),
            manual_change=seeds.starved_user,
        ),
        handlers_only=UNREAD,
    ),
)

BREAKAGES = (
    Breakage(
        "requests-refused",
        "Requests are refused",
        "Two people ask for more than a rate limit allows. The playbook finds who is refused and"
        " proposes a higher limit for some hours; it loosens a guard, so it waits for your yes.",
        "rate-limiting",
        seeds.ask_too_much,
        {"alertname": "RateLimited", "severity": "warning"},
        tuple(LimitClass),
        label="limit",
        asks=1,
    ),
)
