"""Auto-rollback is awake, and a canary breaches its objectives."""

from __future__ import annotations

from cct_ops.models.run import Outcome
from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.chaos_experiment import FAULT, IGNORES, hurt
from cct_ops.scenarios.scenario import Drill, End, Killed, Left, Scenario, Spoilt, Step, undone

SERVE = Step(
    "set_canary", ("POST canary/update",), "disable_canary", ("POST canary/disable",), lasts=True
)


def pulled_and_unhurt(left: Left) -> bool:
    """CCT pulled the canary, and no fault is left."""
    return not hurt(left.sandbox) and left.sandbox.state().rollbacks == 1


SCENARIOS = (
    Scenario(
        "slo-breach-simulation",
        seeds.awake,
        truths.canary_and_faults,
        End("Resolved", "CCT rolled /daily-summary back"),
        (SERVE, FAULT),
        parameters={"target": seeds.ROUTE.value, "minutes": 0.05},
        keeps=True,
        spoilt=Spoilt(End("Unverified", "No rollback", undone(SERVE, FAULT)), seeds.asleep),
        handlers_only=IGNORES,
        bare="no chaos endpoints",
        # Nothing pulls the canary then, so what it says about CCT is never good.
        killed=Killed(Outcome.UNDONE, Outcome.UNVERIFIED, seeds.nothing),
        drill=Drill(pulled_and_unhurt, {"scenario": "latency", "minutes": 1}),
    ),
)
