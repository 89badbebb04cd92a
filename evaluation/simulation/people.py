"""What people do in the week: they stop everything once, take targets over, and look each day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.ledger.gate import switches
from cct_ops.ledger.record.tables import decisions
from cct_ops.models.guards import Guard
from cct_ops.models.mode import Mode
from evaluation.simulation.days import Course
from evaluation.simulation.guarded import Guarded
from evaluation.simulation.plans import plan_for
from evaluation.simulation.scenario import HOUR, START, Firing

DAY = timedelta(days=1)
BREAKERS = (Guard.FAILED_ATTEMPTS, Guard.RECURRING_FIXES)


@dataclass
class People:
    """A person on call with the command line and the policy file."""

    at_work: Guarded
    firings: list[Firing]

    def begin(self) -> None:
        """Plan the week."""
        days = self.at_work.hands.days
        days.begin(START + 62 * HOUR, self._stop_everything())
        days.begin(START + 81 * HOUR, self._take_over("/flapping-01"))
        days.begin(START + 9 * HOUR, self._mornings())

    def _stop_everything(self) -> Course:
        switches.stop(self.at_work.hands.engine, "a bad release", "ada")
        yield HOUR
        switches.resume(self.at_work.hands.engine, "it is over", "ada")

    def _take_over(self, target: str) -> Course:
        until = self.at_work.hands.days.now + 8 * HOUR
        switches.hold(self.at_work.hands.engine, target, until, "I am on it", "ada")
        yield timedelta(0)

    def _mornings(self) -> Course:
        """Merge what was proposed, look after what did harm, repair what the breakers stopped."""
        while True:
            for kind in {each.kind: each for each in self.firings}.values():
                self._look_at(kind)
            for target in self._stopped_by_breakers():
                self._repair(target)
            yield DAY

    def _look_at(self, example: Firing) -> None:
        gate = self.at_work.gate
        earned = gate.rung(plan_for(example))
        if earned.proposal or earned.mode is Mode.OBSERVE:
            gate.trust_since(example.kind, self.at_work.hands.days.now)

    def _stopped_by_breakers(self) -> list[str]:
        stopped = (
            sa.select(decisions.c.target)
            .where(
                decisions.c.guard.in_(BREAKERS),
                decisions.c.decided_at > self.at_work.hands.days.now - DAY,
            )
            .distinct()
            .order_by(decisions.c.target)
        )
        with self.at_work.hands.engine.connect() as connection:
            return list(connection.execute(stopped).scalars())

    def _repair(self, target: str) -> None:
        """Find the cause, and run the playbook by hand: this time it works."""
        hands = self.at_work.hands
        last = next(each for each in reversed(self.firings) if each.target == target)
        cured = replace(last, works=True, mishap=None, says_yes=True, answer_minutes=1)
        hands.world.fail(target, hands.days.now + HOUR)
        self.at_work.by_hand(cured)
