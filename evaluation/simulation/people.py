"""The people of the week: they stop everything once, take targets over, and look each day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.gate.guards import autonomy_of
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record.tables import decisions
from cct_ops.models.guards import Guard
from cct_ops.models.run import Mode
from evaluation.simulation.guarded import Guarded
from evaluation.simulation.scenario import HOUR, ORDERS, START, Firing
from evaluation.simulation.scheduler import Activity

DAY = timedelta(days=1)
BREAKERS = (Guard.FAILED_ATTEMPTS, Guard.RECURRING_FIXES)


@dataclass
class People:
    """A person on call with the command line and the policy file."""

    at_work: Guarded
    firings: list[Firing]

    def begin(self) -> None:
        """Plan the week."""
        scheduler = self.at_work.scheduler
        for stopped in ORDERS.stopped:
            scheduler.begin(
                START + stopped.begins, self._stop_everything(stopped.ends - stopped.begins)
            )
        for target, held in ORDERS.held.items():
            scheduler.begin(START + held.begins, self._take_over(target, START + held.ends))
        scheduler.begin(START + 9 * HOUR, self._mornings())

    def _stop_everything(self, pause: timedelta) -> Activity:
        switches.stop(self.at_work.worker.engine, "a bad release", "ada")
        yield pause
        switches.resume(self.at_work.worker.engine, "it is over", "ada")

    def _take_over(self, target: str, until: datetime) -> Activity:
        switches.hold(self.at_work.worker.engine, target, until, "I am on it", "ada")
        yield timedelta(0)

    def _mornings(self) -> Activity:
        """Merge what was proposed, look after what did harm, repair what the breakers stopped."""
        while True:
            for kind in {each.kind: each for each in self.firings}.values():
                self._look_at(kind)
            for target in self._stopped_by_breakers():
                self._repair(target)
            yield DAY

    def _look_at(self, example: Firing) -> None:
        """Forgive what was before, where a playbook earned more or may do nothing any more."""
        worker, playbook = self.at_work.worker, example.kind.value
        earned = autonomy_of(
            worker.engine, worker.policy, playbook, example.target, wanted_again=True
        )
        if earned.proposal or earned.mode is Mode.OBSERVE:
            known = worker.policy.of(playbook)
            known = known.model_copy(update={"clean_since": self.at_work.scheduler.now})
            playbooks = worker.policy.playbooks | {playbook: known}
            worker.policy = worker.policy.model_copy(update={"playbooks": playbooks})

    def _stopped_by_breakers(self) -> list[str]:
        stopped = (
            sa.select(decisions.c.target)
            .where(
                decisions.c.guard.in_(BREAKERS),
                decisions.c.decided_at > self.at_work.scheduler.now - DAY,
            )
            .distinct()
            .order_by(decisions.c.target)
        )
        with self.at_work.worker.engine.connect() as connection:
            return list(connection.execute(stopped).scalars())

    def _repair(self, target: str) -> None:
        """Find the cause, and run the playbook by hand: this time it works."""
        last = next(each for each in reversed(self.firings) if each.target == target)
        cured = replace(last, works=True, mishap=None, says_yes=True, answer_minutes=1)
        self.at_work.worker.world.fail(target, self.at_work.scheduler.now + HOUR)
        self.at_work.by_hand(cured)
