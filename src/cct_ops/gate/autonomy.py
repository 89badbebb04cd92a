"""The autonomy level of a playbook on a class of targets, and the run that lowered it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.config.policy import Policy
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate import track_record
from cct_ops.ledger.record.account import RunRecord
from cct_ops.models.autonomy import AutonomyLevel, Demotion, level_of


def of(
    tx: sa.Connection,
    policy: Policy,
    playbook: str,
    target: str,
    *,
    wanted_again: bool = False,
    until: datetime | None = None,
) -> AutonomyLevel:
    """Return how far the record lets the playbook go on targets like this one, now or then."""
    record = track_record.of(
        tx,
        playbook,
        policy.autonomy.class_of(target),
        recurs_within_hours=policy.autonomy.recurs_within_hours,
        clean_since=policy.of(playbook).clean_since,
        wanted_again=target if wanted_again else None,
        until=until,
    )
    moment = tx.execute(sa.select(now())).scalar_one()
    return level_of(policy.ceiling(playbook), playbook, record, policy.autonomy, moment)


def demotion_by(tx: sa.Connection, policy: Policy, known: RunRecord) -> Demotion | None:
    """
    Return the demotion that this run led to, or None if another run did or nothing fell.

    A run is bad by needing to be made, too soon after a fix, by failing, or by its failed undo.
    """
    if not known.decisions:
        return None
    plan = known.decisions[0].plan
    today = tx.execute(sa.select(now())).scalar_one()
    moments = [*(decision.decided_at for decision in known.decisions), known.ended_at]
    for moment in moments:
        if moment is None:
            continue
        before, after = (
            of(tx, policy, plan.playbook, plan.target, until=until)
            for until in (moment - timedelta(microseconds=1), moment)
        )
        fixes = policy.autonomy.verified_fixes
        demotion = Demotion.of(plan.playbook, plan.target, before, after, fixes, today)
        if demotion is not None:
            return demotion
    return None
