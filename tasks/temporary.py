"""Temporary changes: their end is arranged before they are made."""

from __future__ import annotations

from cct_ops import policy, wake_ups
from cct_ops.ledger import changes
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.mode import Mode
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Plan
from cct_ops.models.quantities import duration
from tasks.actions import look_at
from tasks.connections import current_run, ledger, settings


def too_long(plan: Plan) -> str | None:
    """Return why policy does not let the plan's temporary changes last that long, or None."""
    longest = policy.read(settings().policy_path).temporary_changes.longest_minutes
    asked = max((step.lasts_minutes or 0 for step in plan.steps), default=0)
    if asked <= longest:
        return None
    return (
        f"Policy lets a temporary change last {duration(longest * 60)} at most, and"
        f" {duration(asked * 60)} were asked for."
    )


def schedule(diagnosis: Diagnosis, plan: Plan, permit: Permit, mode: Mode) -> None:
    """
    Write down each temporary change of the plan and make the run that takes it back.

    Raises ``Unavailable`` when that run cannot be made: then nothing may be changed either.
    """
    run = current_run()
    for step in plan.steps:
        if step.lasts_minutes is None or step.undo is None:
            continue
        before = look_at(step.undo).seen
        owner = changes.approver(ledger(), run.id) or f"{run.name} in {mode} mode"
        with ledger().begin() as tx:
            change = changes.schedule(
                tx, permit, step, before=before, owner=owner, reason=diagnosis.headline
            )
        wake_ups.wake(ledger(), change)
