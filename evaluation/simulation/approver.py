"""The person who is asked: there by day, asleep by night, and mostly willing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.models.run import Run
from evaluation.simulation.scenario import MINUTE, Firing
from evaluation.simulation.scheduler import Activity, Scheduler

MORNING, EVENING = 8, 20
PATIENCE_MINUTES = 15.0
ADA = Approver(id="ada", name="Ada", slack_user_id="U0ADA")


class Suspended(BaseException):
    """A run waits for a person's answer; no process works on it meanwhile."""


@dataclass(frozen=True)
class Answering:
    """Ada, with a link to each request; ``news`` wakes the controller, as the ledger does."""

    engine: sa.Engine
    scheduler: Scheduler
    news: Callable[[], None]
    firing_of: Callable[[Run], Firing]
    said_yes: set[UUID] = field(default_factory=set)
    """The runs to which Ada said yes, by her own account."""

    def notify_approval_needed(self, approval: Approval, run: Run) -> None:
        """Get the link; an answer comes some minutes later, or never."""
        firing = self.firing_of(run)
        awake = MORNING <= self.scheduler.now.hour < EVENING or firing.urgent
        if awake and firing.answer_minutes < PATIENCE_MINUTES:
            at = self.scheduler.now + firing.answer_minutes * MINUTE
            self.scheduler.begin(at, self._answer(approval, firing))

    def notify_outcome(self, *_: object) -> bool:
        """Hear how a run ended."""
        return True

    def started_by(self) -> str | None:
        """Nobody is asked for a second yes."""
        return None

    def suspend(self, _approval: Approval) -> Answer | None:
        """End this process of the run."""
        raise Suspended

    def _answer(self, approval: Approval, firing: Firing) -> Activity:
        said = Answer.of(ADA, "link", approved=firing.says_yes, digest=approval.plan_digest)
        approval_answers.answer(self.engine, approval.id, said, person=ADA)
        if firing.says_yes:
            self.said_yes.add(approval.run_id)
        self.news()
        yield 0 * MINUTE
