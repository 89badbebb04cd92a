"""What every playbook is held to, option by option: one row for each, and no cell left empty."""

from __future__ import annotations

from dataclasses import replace

from cct_ops.scenarios.every import EVERY
from tests.flows import going_on

ROWS = [
    replace(scenario, seed=going_on.experiment) if scenario.during else scenario
    for scenario in EVERY
    if scenario.spoilt and scenario.mounted
]

# These have no mode and change nothing that they could take back.
WITHOUT_ROW = {
    "post-incident-review": "It reads the ledger and writes a new file, whatever CCT speaks.",
    "game-day": "It has a stack of its own, and not one request of it reaches the CCT that is set.",
}
