"""What each playbook may do by its own record, on each class of targets that it ever changed."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.config.policy import Policy
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate import track_record
from cct_ops.models.autonomy import AutonomyLevel, level_of
from cct_ops.models.base import Frozen


class Earned(Frozen):
    """The level of a playbook on one class of targets, and the fixes that speak for more."""

    targets: str
    level: AutonomyLevel
    verified_fixes: int


def earned(tx: sa.Connection, playbook: str, policy: Policy) -> tuple[Earned, ...]:
    """Return its level on each class; nothing where it has changed nothing yet."""
    rules, settings = policy.of(playbook), policy.autonomy
    moment = tx.execute(sa.select(now())).scalar_one()
    classes = [settings.class_of(each) for each in track_record.targets(tx, playbook)]
    found = []
    for each in dict.fromkeys(classes):
        record = track_record.of(
            tx,
            playbook,
            each,
            recurs_within_hours=settings.recurs_within_hours,
            clean_since=rules.clean_since,
        )
        level = level_of(rules.ceiling, playbook, record, settings, moment)
        found.append(Earned(targets=each.name, level=level, verified_fixes=record.verified_fixes))
    return tuple(found)
