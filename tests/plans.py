"""Plans for tests to which most of a plan does not matter."""

from __future__ import annotations

import json
from typing import Any

from cct_ops.actions.repository import ProposeChange
from cct_ops.models.plan import ChangeHolds, Plan, Step


def plan_of(*steps: Step, **more: Any) -> Plan:
    """Return a plan of these steps, which is watched for no time; ``more`` is what matters."""
    usual: dict[str, Any] = {
        "playbook": "auto-rollback",
        "target": "/daily-summary",
        "summary": "Put it back.",
        "blast_radius": "The canary.",
        "steady_state": ChangeHolds(what="It is on", watch_seconds=0),
        "state": {},
    }
    return Plan.model_validate({**usual, "steps": steps, **more})


CHANGE = ProposeChange(
    path="test_summary_schema.json",
    patch=json.dumps(
        [
            {"op": "add", "path": "/properties/<b>owner", "value": {"type": "string"}},
            {"op": "remove", "path": "/required/2"},
        ]
    ),
    base_sha="0" * 40,
    branch="cct-ops/0123456789ab",
    title="fix: Update test summary schema for new fields",
)
PROPOSAL = plan_of(CHANGE.step(CHANGE.undo()), playbook="schema-validation")
PROPOSED = (
    "Open a pull request with 2 changes of test_summary_schema.json, from the branch"
    " cct-ops/0123456789ab: fix: Update test summary schema for new fields"
)
"""The words in which people are asked for it."""
