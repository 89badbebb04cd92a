"""Which breakers are open, over all targets that were ever changed."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import sqlalchemy as sa

from cct_ops.config.policy import Policy
from cct_ops.ledger.gate import guards, track_record
from cct_ops.models.guards import Guard, Intent, Rules

BREAKERS = (Guard.FAILED_ATTEMPTS, Guard.RECURRING_FIXES)
OTHERS = "others"
"""The class of a target that policy puts into none."""

# Steps from one target to the next in the index: as many as there are targets, not changes.
_CHANGED = sa.text("""
    with recursive changed as (
        (select playbook, target from permits where kind = 'change'
         order by playbook, target limit 1)
        union all
        select after.playbook, after.target from changed, lateral (
            select playbook, target from permits
            where kind = 'change'
                and (playbook, target) > (changed.playbook, changed.target)
            order by playbook, target limit 1) as after)
    select playbook, target from changed
""")


class Breaker(NamedTuple):
    """The breakers of one kind of a playbook, on the targets of one class."""

    playbook: str
    targets: str
    guard: Guard


class Stopping(NamedTuple):
    """One breaker that is open, on one target."""

    target: str
    guard: Guard
    detail: str


def standing(engine: sa.Engine, playbook: str, policy: Policy) -> tuple[Stopping, ...]:
    """Return the open breakers of a playbook, on the targets that it ever changed."""
    rules = Rules(settings=policy.guards, maintenance=(), allowed=(), silences=())
    with engine.connect() as connection:
        return tuple(
            Stopping(target, result.guard, result.detail)
            for target in track_record.targets(connection, playbook)
            for result in guards.guard_results(
                connection, Intent(playbook=playbook, target=target, calls=1), rules
            )
            if result.guard in BREAKERS and result.stops
        )


def count_open(engine: sa.Engine, policy: Policy) -> Counter[Breaker]:
    """Count the targets on which a breaker stops the next change that an alert starts."""
    rules = Rules(settings=policy.guards, maintenance=(), allowed=(), silences=())
    opened: Counter[Breaker] = Counter()
    with engine.connect() as connection:
        for playbook, target in connection.execute(_CHANGED).all():
            known = policy.autonomy.class_of(target).name
            targets = known if known in policy.autonomy.classes else OTHERS
            intent = Intent(playbook=playbook, target=target, calls=1)
            for result in guards.guard_results(connection, intent, rules):
                if result.guard in BREAKERS:
                    opened[Breaker(playbook, targets, result.guard)] += result.stops
    return opened
