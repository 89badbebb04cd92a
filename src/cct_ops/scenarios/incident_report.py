"""A week of incidents, or one without any: the numbers are shown all the same."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.scenario import Drill, End, Scenario

SCENARIOS = (
    Scenario(
        "incident-report",
        seeds.nothing,
        truths.canary,
        End("Passed", ""),
        modes=False,
        drill=Drill(lambda left: left.sandbox.writes() == []),
    ),
)
