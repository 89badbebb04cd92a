"""Automation as it is often written: an alert comes in, a script runs, and is run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from evaluation.simulation.alerts import TAKES_OVER_AFTER, change_by_hand
from evaluation.simulation.plans import DIAGNOSIS, LASTS, STALL, WATCH, plan_for
from evaluation.simulation.scenario import Firing, Kind, Mishap
from evaluation.simulation.scheduler import Activity, Scheduler
from evaluation.simulation.world import World

TRIES = 3


@dataclass
class Unguarded:
    """Acts on each incident at once, and forgets what it did when it dies."""

    world: World
    scheduler: Scheduler
    attempts: int = 0
    fixed: int = 0
    mishaps: int = 0

    def begin(self, firing: Firing) -> Activity:
        """Let the alert come in, and let a script run if it does not fire already."""
        self.world.fail(firing.target, firing.heals_at)
        if self.world.open(firing.target, firing.alertname):
            self.scheduler.begin(self.scheduler.now + DIAGNOSIS, self._respond(firing))
        yield firing.heals_at - self.scheduler.now
        self.world.close(firing.target, firing.alertname)

    def _respond(self, firing: Firing) -> Activity:
        run_id, mishap = uuid4(), firing.mishap
        for _ in range(TRIES):
            if not self.world.is_broken(firing.target, self.scheduler.now):
                break
            self.attempts += 1
            self.mishaps += mishap is not None
            if mishap is Mishap.DIES_AT_FIRST:
                return
            for call in plan_for(firing).calls:
                now = self.scheduler.now
                self.world.write(now, run_id, firing.target, call, lasts=LASTS)
                if mishap in {Mishap.DIES_IN_DOUBT, Mishap.DIES_UNTOLD}:
                    self.world.done(firing.target, run_id)
                    return  # whoever would take it back is dead
                if firing.kind is Kind.WEAKENED:
                    self._take_back_later(firing, run_id)
                if mishap is Mishap.STALLS:
                    self.world.falls_asleep(firing.target, run_id)
                    yield STALL
            yield WATCH
            mishap = None
            if firing.works:
                self.fixed += 1
                self.world.fix(firing.target)
                break
        self.world.done(firing.target, run_id)

    def _take_back_later(self, firing: Firing, run_id: UUID) -> None:
        if firing.meddled:
            activity = change_by_hand(self.world, self.scheduler, firing.target)
            self.scheduler.begin(self.scheduler.now + TAKES_OVER_AFTER, activity)
        if firing.revert_mishap is None:
            self.scheduler.begin(self.scheduler.now + LASTS, self._take_back(firing, run_id))

    def _take_back(self, firing: Firing, run_id: UUID) -> Activity:
        for call in plan_for(firing).undo_calls:
            self.world.write(self.scheduler.now, run_id, firing.target, call, lasts=None)
        self.world.done(firing.target, run_id)
        yield timedelta(0)
