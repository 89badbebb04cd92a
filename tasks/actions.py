"""
Every action by the name that plans use, which is also the operator's method.

The one place to add an action to: undo, verification and the return of temporary changes find it
here, and so does whoever has to tell after a crash whether a call took effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from prefect import Task, get_run_logger
from pydantic import validate_call

from cct_ops.errors import OpsError, Unavailable
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call, Step
from tasks import chaos, cleanup, mitigate, repository, rollback, rollback_rules, story
from tasks.carry_out import CCT, Look, Sighting, System
from tasks.repository import GITHUB

# Before what is looked at once more after no answer.
PAUSES = (1.0, 4.0)


class Action(NamedTuple):
    """
    The task that carries a call out, the look that shows whether it took effect, and where.

    ``shows_all`` says that nothing is left to do for the call where its look shows its effect
    before it was made. A look at counts cannot say that. ``several`` says that the call is more
    than one request, so that a part of it may be there where its effect does not show.
    """

    task: Task[..., None]
    shows: Callable[..., Look]
    system: System = CCT
    shows_all: bool = True
    several: bool = False


ACTIONS = {
    # A split that is broken is reset although the canary is at its share.
    "reset_canary": Action(rollback.reset_canary, rollback.canary_reset, shows_all=False),
    "disable_canary": Action(rollback.disable_canary, rollback.canary_off),
    "promote_canary": Action(rollback.promote_canary, rollback.canary_promoted),
    "set_canary": Action(rollback.set_canary, rollback.canary_set),
    "set_slo_thresholds": Action(rollback_rules.set_slo_thresholds, rollback_rules.thresholds_are),
    "disable_auto_rollback": Action(
        rollback_rules.disable_auto_rollback, rollback_rules.auto_rollback_off
    ),
    "enable_auto_rollback": Action(
        rollback_rules.enable_auto_rollback, rollback_rules.auto_rollback_on
    ),
    "expire_exemptions": Action(cleanup.expire_exemptions, cleanup.none_overdue),
    "revalidate_exemptions": Action(
        cleanup.revalidate_exemptions, cleanup.counted_anew, shows_all=False
    ),
    "reset_exemptions": Action(cleanup.reset_exemptions, cleanup.only_good_ones),
    "set_rate_limit": Action(mitigate.set_rate_limit, mitigate.limit_is),
    "clear_rate_limits": Action(
        mitigate.clear_rate_limits, mitigate.nobody_starves, shows_all=False
    ),
    "reset_user_limit": Action(
        mitigate.reset_user_limit, mitigate.user_does_not_starve, shows_all=False
    ),
    "propose_change": Action(
        repository.propose_change, repository.change_proposed, GITHUB, several=True
    ),
    "withdraw_change": Action(repository.withdraw_change, repository.change_withdrawn, GITHUB),
    "set_variable": Action(repository.set_variable, repository.variable_is, GITHUB),
    "delete_variable": Action(repository.delete_variable, repository.variable_gone, GITHUB),
    "dispatch_workflow": Action(repository.dispatch_workflow, repository.dispatched, GITHUB),
    "open_issue": Action(repository.open_issue, repository.issue_open, GITHUB),
    "close_issue": Action(repository.close_issue, repository.issue_closed, GITHUB),
    "inject_fault": Action(chaos.inject_fault, chaos.fault_on),
    "remove_fault": Action(chaos.remove_fault, chaos.fault_gone),
}


def holds_already(calls: Sequence[Call]) -> str | None:
    """
    Return what is seen where the effect of every call shows before any was made; else None.

    A read-back after such a write would prove nothing, and there is nothing to write.
    """
    seen = []
    for call in calls:
        sighting = _patient_look_at(call) if ACTIONS[call.method].shows_all else None
        if sighting is None or not sighting.took_effect:
            return None
        seen.append(sighting.seen)
    return "; ".join(seen)


def _patient_look_at(call: Call) -> Sighting:
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
    if step.undo is None or not ACTIONS[step.call.method].several:
        return False
    try:
        return not _patient_look_at(step.undo).took_effect
    except OpsError as error:
        get_run_logger().warning("Nothing shows what is left of %s: %s", step.call, error)
        return True


def perform(permit: Permit, call: Call) -> None:
    """Carry out one call of a permit, read back like any other."""
    ACTIONS[call.method].task(permit, **call.arguments)
    story.done(call)


def perform_all(permit: Permit) -> None:
    """Carry out all calls of a permit, in their order."""
    for call in permit.calls:
        perform(permit, call)


def shows(call: Call) -> Look:
    """Return the look that shows whether the call took effect."""
    look: Look = validate_call(ACTIONS[call.method].shows)(**call.arguments)
    return look


def look_at(call: Call) -> Sighting:
    """Look once whether the call's effect shows, in the system that it concerns."""
    with ACTIONS[call.method].system.reader() as world:
        return shows(call)(world)
