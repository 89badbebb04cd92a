"""
What stands against a new change: policy, the ledger's guards, and silences of Alertmanager.

Whatever of it cannot be read counts as standing against it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from cct_ops.config.policy import Policy
from cct_ops.errors import OpsError
from cct_ops.gate import autonomy
from cct_ops.ledger.engine import is_away
from cct_ops.ledger.gate import guards
from cct_ops.ledger.statements import within
from cct_ops.models.autonomy import AutonomyLevel
from cct_ops.models.base import duration
from cct_ops.models.guards import Guard, GuardResult, Intent, Rules
from cct_ops.models.plan import Plan
from cct_ops.models.run import Mode, Outcome, Run, lowest
from cct_ops.models.silence import Silence


def intent(plan: Plan, run: Run, mode: Mode) -> Intent:
    """Say what the run wants, in the words of guards."""
    return Intent(
        playbook=plan.playbook,
        target=plan.target,
        calls=len(plan.calls),
        run_id=run.id,
        incident_id=run.incident_id,
        by_person=run.incident_id is None and mode is Mode.APPROVE,
    )


def effective_mode(engine: sa.Engine, policy: Policy, mode: Mode, plan: Plan) -> tuple[Mode, str]:
    """
    Return the mode that holds and the sentence that says why.

    It is the lowest of what was asked for, the policy's ceiling, and what the record has earned.
    """
    earned = partial(autonomy_of, engine, policy, plan.playbook, plan.target, wanted_again=True)
    try:
        return allowed_mode(policy, mode, plan.playbook, earned)
    except sa.exc.SQLAlchemyError as error:
        if is_away(error):
            raise  # the run ends, and another one asks when the ledger answers
        return Mode.OBSERVE, f"The track record cannot be read ({type(error).__name__})."


def allowed_mode(
    policy: Policy, mode: Mode, playbook: str, earned_level: Callable[[], AutonomyLevel]
) -> tuple[Mode, str]:
    """Return the same by a record that is asked for only where the mode depends on it."""
    ceiling = policy.ceiling(playbook)
    effective = lowest(mode, ceiling)
    reason = f"Asked for in {mode} mode, which policy allows."
    if effective is not mode:
        reason = f"Policy allows {playbook} no more than {ceiling}; asked: {mode}."
    if effective is Mode.OBSERVE:
        return effective, reason
    earned = earned_level()
    if earned.mode.rank < effective.rank:
        return earned.mode, f"The record allows no more than {earned.mode} now: {earned.reason}."
    return effective, reason


def autonomy_of(
    engine: sa.Engine, policy: Policy, playbook: str, target: str, *, wanted_again: bool = False
) -> AutonomyLevel:
    """Return how far the record lets the playbook go on targets like this one."""
    read = partial(
        autonomy.of, policy=policy, playbook=playbook, target=target, wanted_again=wanted_again
    )
    return within(engine, read, repeatable=True)


def too_long(plan: Plan, longest_minutes: float) -> str | None:
    """Return why policy does not let the plan's temporary changes last that long, or None."""
    asked = max((step.lasts_minutes or 0 for step in plan.steps), default=0)
    if asked <= longest_minutes:
        return None
    return (
        f"Policy lets a temporary change last {duration(longest_minutes * 60)} at most, and"
        f" {duration(asked * 60)} were asked for."
    )


def before_asking(
    engine: sa.Engine, wanted: Intent, rules: Rules | GuardResult, *, asks: bool
) -> GuardResult | None:
    """
    Return the first thing that stands against the change, or None.

    A run that would have to ask a person joins one that asks already about the same target.
    """
    if isinstance(rules, GuardResult):
        return rules
    with engine.connect() as connection:
        stop = guards.first_stop(connection, wanted, rules)
        if stop is None and asks and (other := guards.waiting_run(connection, wanted)):
            return guards.merged(wanted, other)
    return stop


def rules_for(
    policy: Policy, read_silences: Callable[[], tuple[Silence, ...]], playbook: str
) -> Rules | GuardResult:
    """Read everything but the ledger; a result instead of rules means that it cannot be read."""
    try:
        silences = read_silences()
    except OpsError as error:
        return GuardResult(
            guard=Guard.SILENCE, stops=True, detail=f"unreadable, {error}".rstrip(".")
        )
    return Rules(
        settings=policy.guards,
        maintenance=policy.maintenance,
        allowed=policy.of(playbook).targets,
        silences=silences,
    )


def outcome_of(stop: GuardResult) -> Outcome:
    """Return how a run ends that this guard stopped."""
    match stop.guard:
        case Guard.STORM:
            return Outcome.RECOMMENDED
        case Guard.MERGE:
            return Outcome.MERGED
        case _:
            return Outcome.BLOCKED
