"""
The drills: for each playbook the fault that it is for, and what must be true when it has ended.

The one place to add a drill to; a playbook that has none is named in every game day's report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import SandboxState

ROUTE = Route.PRE_MARKET_BRIEFING
# Long enough for a canary to have served, by the sandbox's clock.
SERVED_SECONDS = 600.0


@dataclass(frozen=True)
class Drill:
    """One drill; ``holds`` looks at the sandbox's own state afterwards."""

    playbook: str
    seeded: str
    seed: Callable[[SandboxControl], None]
    parameters: Mapping[str, object]
    expected: str
    holds: Callable[[SandboxState], bool]


def _rolled_back(sandbox: SandboxControl) -> None:
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def _slow_canary(sandbox: SandboxControl) -> None:
    sandbox.set_canary(ROUTE, 20)
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})
    sandbox.advance_clock(SERVED_SECONDS)


def _awake(sandbox: SandboxControl) -> None:
    sandbox.chaos(rolls_back_after_seconds=1)


def _nothing(_: SandboxControl) -> None:
    """Seed nothing: staging is steady as it is."""


def _unhurt(state: SandboxState) -> bool:
    return state.chaos_faults == ()


DRILLS = (
    Drill(
        playbook="auto-rollback",
        seeded="auto-rollback pulled a canary whose breach is over",
        seed=_rolled_back,
        parameters={"target": ROUTE.value},
        expected="Resolved",
        holds=lambda state: state.routes[ROUTE].enabled,
    ),
    Drill(
        playbook="canary-issue",
        seeded="a canary that is slower than it may be",
        seed=_slow_canary,
        parameters={"target": ROUTE.value},
        expected="Resolved",
        holds=lambda state: not state.routes[ROUTE].enabled,
    ),
    Drill(
        playbook="chaos-experiment",
        seeded="a steady staging system",
        seed=_nothing,
        parameters={"chaos": "latency", "severity": "mild", "minutes": 0.05},
        expected="Resolved",
        holds=_unhurt,
    ),
    Drill(
        playbook="chaos-failure",
        seeded="an experiment that is over",
        seed=_nothing,
        parameters={},
        expected="Nothing to do",
        holds=_unhurt,
    ),
    Drill(
        playbook="slo-breach-simulation",
        seeded="an auto-rollback that is awake",
        seed=_awake,
        parameters={"target": ROUTE.value, "scenario": "latency", "minutes": 1},
        expected="Resolved",
        holds=lambda state: _unhurt(state) and state.rollbacks == 1,
    ),
)
