"""The person who is asked: there by day, asleep by night, and mostly willing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.ledger import approval_answers, approvals
from cct_ops.ledger.approval_answers import Answer
from cct_ops.ledger.approvals import Terms
from cct_ops.models.approver import Approver
from cct_ops.models.outcome import Outcome
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from simulation.days import Days
from simulation.plans import Conclusion
from simulation.scenario import MINUTE, Firing

MORNING, EVENING = 8, 20
PATIENCE_MINUTES = 15.0
ADA = Approver(id="ada", name="Ada", slack_user_id="U0ADA")


def ask(
    engine: sa.Engine, days: Days, firing: Firing, plan: Plan, run: Run
) -> Generator[timedelta, None, Outcome | None]:
    """Ask for a yes; returns None for one, else how the run ends."""
    terms = Terms(why="Her yes is needed.", seconds=PATIENCE_MINUTES * 60)
    request, _ = approvals.request(engine, Conclusion(plan), plan, run, terms)
    awake = MORNING <= days.now.hour < EVENING
    if not awake or firing.answer_minutes >= PATIENCE_MINUTES:
        yield PATIENCE_MINUTES * MINUTE
        approvals.expire(engine, request.id)
        return Outcome.EXPIRED
    yield firing.answer_minutes * MINUTE
    said = Answer.of(ADA, "link", approved=firing.says_yes, digest=plan.digest)
    approval_answers.answer(engine, request.id, said, person=ADA)
    return None if firing.says_yes else Outcome.DECLINED
