"""A canary takes no traffic."""

from __future__ import annotations

from cct_ops.models.cct import Route
from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import Drill, End, HandlersOnly, Scenario, Spoilt, Step, undone

ROUTE = {"target": seeds.ROUTE.value}
UNSEEN = "by auto-rollback or by a person: CCT notes the same for both; this CCT does not offer"
SET_RULES = ("POST canary/config",)
OFF, ON = ("POST canary/disable-auto-rollback",), ("POST canary/enable-auto-rollback",)
RESET = Step("reset_canary", ("POST canary/reset",), "disable_canary", ("POST canary/disable",))
RAISE = Step("set_slo_thresholds", SET_RULES, "set_slo_thresholds", SET_RULES, lasts=True)
SWITCH_OFF = Step("disable_auto_rollback", OFF, "enable_auto_rollback", ON, lasts=True)

RESTORE = Scenario(
    "auto-rollback",
    seeds.pulled_canary,
    truths.canary,
    End("Resolved", "p95", stands=True),
    (RESET,),
    parameters={**ROUTE, "option": "restore"},
    spoilt=Spoilt(End("Undone", "p95 latency is 9000 ms", undone(RESET)), seeds.slow),
    handlers_only=End("Blocked", UNSEEN),
    bare="no canary administration",
    drill=Drill(lambda left: left.sandbox.state().routes[seeds.ROUTE].enabled),
)

SCENARIOS = (
    RESTORE,
    Scenario(
        "auto-rollback",
        seeds.pulled_canary,
        truths.deployments,
        End("Resolved", "deploy.yml", stands=True),
        (Step("dispatch_workflow", ("POST actions/workflows",)),),
        parameters={**ROUTE, "option": "redeploy"},
        asks=True,
        spoilt=Spoilt(
            End("Failed", "deploy.yml", ("POST actions/workflows",), stands=True),
            seeds.deployments_fail,
        ),
        handlers_only=End("Blocked", "So nothing was deployed either."),
    ),
    Scenario(
        "auto-rollback",
        seeds.pulled_canary,
        truths.rules,
        End("Resolved", "9000 ms", stands=True),
        (RAISE,),
        parameters={**ROUTE, "option": "raise-thresholds", "p95_latency_ms": 9000, "minutes": 30},
        asks=True,
        spoilt=Spoilt(
            End("Undone", "set_slo_thresholds", (*SET_RULES, *undone(RAISE))),
            manual_change=seeds.stricter_rules,
        ),
        handlers_only=End("Blocked", "Its thresholds are constants, which nothing can raise."),
    ),
    Scenario(
        "auto-rollback",
        seeds.pulled_canary,
        truths.rules,
        End("Resolved", "Auto-rollback is off", stands=True),
        (SWITCH_OFF,),
        parameters={**ROUTE, "option": "disable-auto-rollback", "minutes": 30},
        asks=True,
        spoilt=Spoilt(
            End("Undone", "disable_auto_rollback", (*OFF, *ON, *ON)),
            manual_change=seeds.auto_rollback_on,
        ),
        handlers_only=End("Blocked", "Its auto-rollback has no switch."),
    ),
)

ALSO_HANDLERS_ONLY = (
    HandlersOnly(
        "auto-rollback",
        seeds.good_canary,
        End("Unverified", "takes traffic, and how it serves is unknown"),
        ROUTE,
    ),
)

BREAKAGES = (
    Breakage(
        "canary-pulled",
        "A canary is pulled",
        "CCT pulls the canary of a page because its p95 was 6200 ms where 5000 are allowed. The"
        " playbook sees that the breach is over, puts the canary back and watches whether it serves"
        " well.",
        "auto-rollback",
        seeds.pull,
        {"alertname": "CanaryRolledBack", "severity": "critical"},
        tuple(Route),
        label="route",
    ),
)
