"""A chaos test has to be stopped in the middle."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.chaos_experiment import EXPERIMENT, REMOVE, hurt
from cct_ops.scenarios.scenario import Drill, End, Scenario, Spoilt

SCENARIOS = (
    Scenario(
        "chaos-failure",
        seeds.nothing,
        truths.faults,
        End("Resolved", "Test again", REMOVE, stands=True),
        person=False,  # who stops an experiment is not kept waiting
        during=EXPERIMENT,
        spoilt=Spoilt(
            End("Unverified", "Still in effect: theirs", REMOVE, stands=True), seeds.strange_fault
        ),
        handlers_only_seed=seeds.nothing,
        handlers_only=End("Nothing to do", "This CCT ignores chaos, so no fault can be in effect."),
        drill=Drill(lambda left: not hurt(left.sandbox)),
    ),
)

BREAKAGES = (
    Breakage(
        "chaos-left",
        "A chaos test leaves its fault behind",
        "A fault that somebody injected is still in effect. It is none of ours, so the playbook"
        " changes nothing: it names the fault and says what to do by hand. The fault ends by itself"
        " after a minute.",
        "chaos-failure",
        lambda sandbox, _target: seeds.leave_a_fault(sandbox),
        {"alertname": "ChaosTestFailed", "severity": "error"},
        ("staging",),
        over=lambda sandbox: not hurt(sandbox),
    ),
)
