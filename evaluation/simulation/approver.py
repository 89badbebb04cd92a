"""The person who is asked: there by day, asleep by night, and mostly willing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from evaluation.simulation.days import Course, Days
from evaluation.simulation.scenario import MINUTE, Firing

MORNING, EVENING = 8, 20
PATIENCE_MINUTES = 15.0
ADA = Approver(id="ada", name="Ada", slack_user_id="U0ADA")


@dataclass(frozen=True)
class Answering:
    """Ada, with a link to each request; ``news`` wakes the controller, as the ledger does."""

    engine: sa.Engine
    days: Days
    news: Callable[[], None]

    def asked(self, approval: Approval, firing: Firing) -> None:
        """Get the link; an answer comes some minutes later, or never."""
        awake = MORNING <= self.days.now.hour < EVENING
        if awake and firing.answer_minutes < PATIENCE_MINUTES:
            at = self.days.now + firing.answer_minutes * MINUTE
            self.days.begin(at, self._answer(approval, firing))

    def _answer(self, approval: Approval, firing: Firing) -> Course:
        said = Answer.of(ADA, "link", approved=firing.says_yes, digest=approval.plan_digest)
        approval_answers.answer(self.engine, approval.id, said, person=ADA)
        self.news()
        yield 0 * MINUTE
