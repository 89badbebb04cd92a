"""Every scenario whose playbook changes something by a plan: each kind of change that there is."""

from __future__ import annotations

from cct_ops.scenarios.every import EVERY

ACTS = [scenario for scenario in EVERY if scenario.steps]
# The parameters by which people choose what a playbook does.
CHOICES = frozenset({"option", "fix"})
