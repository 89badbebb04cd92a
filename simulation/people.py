"""What people do in the week: they stop everything once, take targets over, and look each day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.ledger import switches
from cct_ops.ledger.schema import decisions
from cct_ops.models.guards import Guard
from cct_ops.models.mode import Mode
from simulation.days import Course
from simulation.guarded import Guarded
from simulation.plans import plan_for
from simulation.scenario import START, Firing

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BREAKERS = (Guard.FAILED_ATTEMPTS, Guard.RECURRING_FIXES)


@dataclass
class People:
    """A person on call with the command line and the policy file."""

    at_work: Guarded
    firings: list[Firing]

    def begin(self) -> None:
        """Plan the week."""
        days = self.at_work.days
        days.begin(START + 62 * HOUR, self._stop_everything())
        days.begin(START + 81 * HOUR, self._take_over("/flapping-01"))
        days.begin(START + 9 * HOUR, self._mornings())

    def _stop_everything(self) -> Course:
        switches.stop(self.at_work.engine, "a bad release", "ada")
        yield HOUR
        switches.resume(self.at_work.engine, "it is over", "ada")

    def _take_over(self, target: str) -> Course:
        until = self.at_work.days.now + 8 * HOUR
        switches.hold(self.at_work.engine, target, until, "I am on it", "ada")
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
        earned = self.at_work.rung(plan_for(example))
        if earned.proposal or earned.mode is Mode.OBSERVE:
            known = self.at_work.playbooks[example.kind]
            trusted = known.model_copy(update={"clean_since": self.at_work.days.now})
            self.at_work.playbooks[example.kind] = trusted

    def _stopped_by_breakers(self) -> list[str]:
        stopped = (
            sa.select(decisions.c.target)
            .where(
                decisions.c.guard.in_(BREAKERS),
                decisions.c.decided_at > self.at_work.days.now - DAY,
            )
            .distinct()
            .order_by(decisions.c.target)
        )
        with self.at_work.engine.connect() as connection:
            return list(connection.execute(stopped).scalars())

    def _repair(self, target: str) -> None:
        """Find the cause, and run the playbook by hand: this time it works."""
        world, now = self.at_work.world, self.at_work.days.now
        last = next(each for each in reversed(self.firings) if each.target == target)
        cured = replace(last, works=True, dies=False, stalls=False, says_yes=True, answer_minutes=1)
        world.fail(target, now + HOUR)
        self.at_work.days.begin(now, self.at_work.respond(cured, None))
