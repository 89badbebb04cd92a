"""
Calls of plans, carried out and looked at.

Undo, verification and the return of temporary changes come here, and so does whoever has to tell
after a crash whether a call took effect.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from prefect import Task, get_run_logger

from cct_ops.actions.action import Action, ReadBack
from cct_ops.actions.registry import ACTIONS, of
from cct_ops.errors import OpsError, Unavailable
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call, Step
from tasks import chaos, cleanup, mitigate, repository, rollback, story
from tasks.carry_out import SYSTEMS

# Before what is looked at once more after no answer.
PAUSES = (1.0, 4.0)

TASKS: dict[str, Task[[Permit, Action], None]] = {
    value.name: value
    for verbs in (rollback, cleanup, mitigate, chaos, repository)
    for value in vars(verbs).values()
    if isinstance(value, Task)
}
if odd := TASKS.keys() ^ ACTIONS.keys():
    raise TypeError(f"Each action is made a task of its name in tasks/: {', '.join(sorted(odd))}.")


def holds_already(calls: Sequence[Call]) -> str | None:
    """
    Return what is seen where the effect of every call shows before any was made; else None.

    A read-back after such a write would prove nothing, and there is nothing to write.
    """
    seen = []
    for call in calls:
        sighting = _patient_look_at(call) if of(call).shows_all else None
        if sighting is None or not sighting.took_effect:
            return None
        seen.append(sighting.seen)
    return "; ".join(seen)


def _patient_look_at(call: Call) -> ReadBack:
    for pause in PAUSES:
        try:
            return look_at(call)
        except Unavailable as error:
            if error.refused:
                raise
            get_run_logger().warning("This look says nothing: %s", error)
            time.sleep(pause)
    return look_at(call)


def leaves_part(step: Step) -> bool:
    """Say whether a call that shows no effect has left a part that its undo takes away."""
    if step.undo is None or not of(step.call).leaves_parts:
        return False
    try:
        return not _patient_look_at(step.undo).took_effect
    except OpsError as error:
        get_run_logger().warning("Nothing shows what is left of %s: %s", step.call, error)
        return True


def perform(permit: Permit, call: Call) -> None:
    """Carry out one call of a permit, read back like any other."""
    TASKS[call.method](permit, of(call))
    story.done(call)


def perform_all(permit: Permit) -> None:
    """Carry out all calls of a permit, in their order."""
    for call in permit.calls:
        perform(permit, call)


def look_at(call: Call) -> ReadBack:
    """Look once whether the call's effect shows, in the system that it concerns."""
    action = of(call)
    with SYSTEMS[action.system].reader() as world:
        return action.read_back(world)
