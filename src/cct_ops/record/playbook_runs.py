"""The newest runs of a playbook that have ended, whatever they were for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.record.tables import decisions
from cct_ops.ledger.statements import Ledger, scalars, within
from cct_ops.models.base import Frozen
from cct_ops.models.run import Evidence

GAME_DAY = "game-day"

# Steps from one target to the next in the index: as many as there are targets, not runs.
_NEWEST = sa.text("""
    with recursive targets as (
        (select target from resolutions where playbook = :playbook order by target limit 1)
        union all
        select after.target from targets, lateral (
            select target from resolutions
            where playbook = :playbook and target > targets.target
            order by target limit 1) as after)
    select ended.*, run_leases.started_as, run_leases.started_by
    from targets, lateral (
        select run_id, incident_id, target, outcome, reason, finished_at from resolutions
        where playbook = :playbook and target = targets.target
        order by finished_at desc limit :most) as ended
    left join run_leases on run_leases.run_id = ended.run_id
    order by ended.finished_at desc limit :most
""").columns(run_id=sa.Uuid, incident_id=sa.Uuid)


class Ended(Frozen):
    """One run, how it ended, and who or what started it as far as that is known."""

    run_id: UUID
    incident_id: UUID | None
    target: str
    outcome: str
    reason: str
    finished_at: datetime
    started_as: str | None
    started_by: str | None


class Drilled(Frozen):
    """The last game day: how it went, and how this playbook did; None where it was not drilled."""

    run_id: UUID
    finished_at: datetime
    outcome: str
    reason: str
    result: Evidence | None


def newest(ledger: Ledger, playbook: str, most: int) -> tuple[Ended, ...]:
    """Return the runs that ended last."""
    asked = {"playbook": playbook, "most": most}
    found = within(ledger, lambda tx: tx.execute(_NEWEST, asked).all(), repeatable=True)
    return tuple(Ended.model_validate(row, from_attributes=True) for row in found)


def last_game_day(ledger: Ledger, playbook: str) -> Drilled | None:
    """Return the last game day that was held; None where there was none."""
    found = newest(ledger, GAME_DAY, 1)
    if not found:
        return None
    (last,) = found
    said = sa.select(decisions.c.evidence).where(decisions.c.run_id == last.run_id)
    facts = [Evidence.model_validate(each) for row in scalars(ledger, said) for each in row]
    return Drilled(
        run_id=last.run_id,
        finished_at=last.finished_at,
        outcome=last.outcome,
        reason=last.reason,
        result=next((each for each in facts if each.source == playbook), None),
    )
