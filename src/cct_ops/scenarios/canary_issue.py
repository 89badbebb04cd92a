"""A canary is on and misbehaves."""

from __future__ import annotations

from cct_ops.models.cct import Route
from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import Drill, End, HandlersOnly, Scenario, Spoilt, Step, undone

ROUTE = {"target": seeds.ROUTE.value}
SET_BACK = ("set_canary", ("POST canary/update",))
DISABLE = ("POST canary/disable",)
RESET = Step("reset_canary", ("POST canary/reset",), *SET_BACK)
PROMOTE = Step("promote_canary", ("POST canary/promote",), *SET_BACK)

SCENARIOS = (
    Scenario(
        "canary-issue",
        seeds.wrong_share,
        truths.canary,
        End("Resolved", "p95", stands=True),
        (RESET,),
        parameters={**ROUTE, "fix": "reset"},
        spoilt=Spoilt(End("Undone", "p95 latency is 9000 ms", undone(RESET)), seeds.slow),
        handlers_only=End("Blocked", "Not reset: this CCT offers no reset"),
        bare="no canary administration",
    ),
    Scenario(
        "canary-issue",
        seeds.slow_canary,
        truths.canary,
        End("Resolved", "is off", stands=True),
        (Step("disable_canary", DISABLE, *SET_BACK, stays=True),),
        parameters={**ROUTE, "fix": "disable"},
        spoilt=Spoilt(
            # Somebody switched it on: that is no reason for us to do so.
            End("Unverified", "because it lowers risk", DISABLE),
            manual_change=seeds.canary_on,
        ),
        handlers_only=End("Resolved", "is off", DISABLE, stands=True),
        drill=Drill(
            lambda left: not left.sandbox.state().routes[seeds.ROUTE].enabled,
            {"fix": "recommended"},
        ),
    ),
    Scenario(
        "canary-issue",
        seeds.good_canary,
        truths.canary,
        End("Resolved", "p95", stands=True),
        (PROMOTE,),
        parameters={**ROUTE, "fix": "promote"},
        asks=True,
        spoilt=Spoilt(End("Undone", "p95 latency is 9000 ms", undone(PROMOTE)), seeds.slow),
        handlers_only=End("Blocked", "Not promoted: this CCT measures no traffic"),
    ),
)

ALSO_HANDLERS_ONLY = (
    HandlersOnly(
        "canary-issue",
        seeds.slow_canary,
        End("Unverified", "this CCT measures no traffic to judge it by"),
        ROUTE,
    ),
)

BREAKAGES = (
    Breakage(
        "canary-share",
        "A canary takes the wrong share",
        "Somebody sets the canary of a page to 35 % of traffic where 20 % are configured. The"
        " playbook finds the difference, sets the share back and watches the canary.",
        "canary-issue",
        seeds.put_off,
        {"alertname": "CanaryTrafficSplit", "severity": "warning"},
        tuple(Route),
        label="route",
    ),
)
