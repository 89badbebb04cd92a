"""The person who is asked: there by day, asleep by night, and mostly willing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.ledger import approvals
from cct_ops.models.outcome import Outcome
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from simulation.days import Days
from simulation.scenario import MINUTE, Firing

MORNING, EVENING = 8, 20
PATIENCE_MINUTES = 15.0


def ask(
    engine: sa.Engine, days: Days, firing: Firing, plan: Plan, run: Run
) -> Generator[timedelta, None, Outcome | None]:
    """Ask for a yes; returns None for one, else how the run ends."""
    request, _ = approvals.request(engine, plan, run, seconds=PATIENCE_MINUTES * 60)
    awake = MORNING <= days.now.hour < EVENING
    if not awake or firing.answer_minutes >= PATIENCE_MINUTES:
        yield PATIENCE_MINUTES * MINUTE
        approvals.expire(engine, request.id)
        approvals.settle(engine, request.id)
        return Outcome.EXPIRED
    yield firing.answer_minutes * MINUTE
    approvals.answer(
        engine,
        request.id,
        approved=firing.says_yes,
        approver="ada",
        note="-",
        grace_seconds=0,
    )
    return None if firing.says_yes else Outcome.DECLINED
