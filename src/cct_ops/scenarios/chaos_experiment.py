"""Staging is steady, and hurt on purpose."""

from __future__ import annotations

from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.scenario import Drill, End, Scenario, Spoilt, Step, undone

INJECT, REMOVE = ("POST chaos/faults",), ("DELETE chaos/faults",)
FAULT = Step("inject_fault", INJECT, "remove_fault", REMOVE, lasts=True)
IGNORES = End("Blocked", "This CCT ignores chaos, so nothing was injected")


def hurt(sandbox: SandboxControl) -> bool:
    """Some fault is in effect."""
    return sandbox.state().chaos_faults != ()


EXPERIMENT = Scenario(
    "chaos-experiment",
    seeds.nothing,
    truths.faults,
    End("Resolved", "It serves as before"),
    (FAULT,),
    parameters={"minutes": 0.02},
    keeps=True,
    spoilt=Spoilt(
        End("Unverified", "recorded no breach", undone(FAULT)),
        seeds.unmonitored,
        parameters={"severity": "moderate"},
    ),
    handlers_only=IGNORES,
    bare="no chaos endpoints",
    drill=Drill(
        lambda left: not hurt(left.sandbox), {"chaos": "latency", "severity": "mild", "minutes": 1}
    ),
)
SCENARIOS = (EXPERIMENT,)
