"""
Every action by the name that plans use, which is also the operator's method.

The one place to add an action to: undo, verification and the return of temporary changes find it
here, and so does whoever has to tell after a crash whether a call took effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prefect import Task
from pydantic import validate_call

from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks import chaos, rollback, rollback_rules
from tasks.carry_out import Look


class Action(NamedTuple):
    """The task that carries a call out, and the look that shows whether it took effect."""

    task: Task[..., None]
    shows: Callable[..., Look]


ACTIONS = {
    "reset_canary": Action(rollback.reset_canary, rollback.canary_on),
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
    "inject_fault": Action(chaos.inject_fault, chaos.fault_on),
    "remove_fault": Action(chaos.remove_fault, chaos.fault_gone),
}


def perform(permit: Permit, call: Call) -> None:
    """Carry out one call of a permit, read back like any other."""
    ACTIONS[call.method].task(permit, **call.arguments)


def perform_all(permit: Permit) -> None:
    """Carry out all calls of a permit, in their order."""
    for call in permit.calls:
        perform(permit, call)


def shows(call: Call) -> Look:
    """Return the look that shows whether the call took effect."""
    look: Look = validate_call(ACTIONS[call.method].shows)(**call.arguments)
    return look
