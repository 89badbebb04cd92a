"""The scenarios that playbooks are run in, with each row of the matrix and no cell left empty."""

from __future__ import annotations

from dataclasses import replace

from cct_ops.scenarios.every import EVERY
from tests.flows import running_experiment

ROWS = [
    replace(scenario, seed=running_experiment.start) if scenario.during else scenario
    for scenario in EVERY
    if scenario.spoilt and scenario.handlers_only
]

# These have no mode and change nothing that they could take back.
WITHOUT_ROW = {
    "post-incident-review": "It reads the ledger and writes a new file, whatever CCT speaks.",
    "incident-report": "It reads the ledger alone, whatever CCT speaks.",
    "game-day": "It has a stack of its own, and not one request of it reaches the CCT that is set.",
}

# Each kind of change that a playbook makes by a plan.
CHANGING = [scenario for scenario in EVERY if scenario.steps]
# The parameters by which people choose what a playbook does.
CHOICES = frozenset({"option", "fix"})
