"""Automation as it is often written: an alert comes in, a script runs, and is run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from simulation.days import Course, Days
from simulation.plans import DIAGNOSIS, LASTS, STALL, WATCH, plan_for
from simulation.scenario import Firing, Kind
from simulation.world import Temporary, World

TRIES = 3
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Unguarded:
    """Acts on each incident at once, and forgets what it did when it dies."""

    world: World
    days: Days

    def begin(self, firing: Firing) -> Course:
        """Let the alert come in, and let a script run if it does not fire already."""
        self.world.fail(firing.target, firing.heals_at)
        if self.world.open(firing.target, firing.alertname):
            self.days.begin(self.days.now + DIAGNOSIS, self._respond(firing))
        yield firing.heals_at - self.days.now
        self.world.close(firing.target, firing.alertname)

    def _respond(self, firing: Firing) -> Course:
        run_id = uuid4()
        for _ in range(TRIES):
            if not self.world.is_broken(firing.target, self.days.now):
                break
            self.world.attempts += 1
            for _call in plan_for(firing).calls:
                self.world.write(
                    self.days.now, firing.target, run_id, until=FOREVER, permitted=False
                )
                if firing.kind is Kind.WEAKENED:
                    self._take_back_later(firing)
                if firing.dies:
                    self.world.done(firing.target, run_id)
                    return
                if firing.stalls:
                    yield STALL
            yield WATCH
            if firing.works:
                self.world.fix(firing.target)
                break
        self.world.done(firing.target, run_id)

    def _take_back_later(self, firing: Firing) -> None:
        made = Temporary(due_at=self.days.now + LASTS)
        self.world.temporary.append(made)
        if not firing.dies:  # whoever would take it back is dead
            self.days.begin(made.due_at, self._take_back(made))

    def _take_back(self, made: Temporary) -> Course:
        made.reverted_at = self.days.now
        yield timedelta(0)
