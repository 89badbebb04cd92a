"""Plans for tests to which most of a plan does not matter."""

from __future__ import annotations

from typing import Any

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
