"""Alerts on their way into the ledger, through the same intake as those of real senders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.models.alert import Alert, AlertStatus
from evaluation.simulation.scenario import Firing, Kind
from evaluation.simulation.scheduler import Activity, Scheduler
from evaluation.simulation.world import World

SOURCE = "alertmanager"
TAKES_OVER_AFTER = timedelta(minutes=20)
TENDS_FOR = timedelta(hours=3)


@dataclass(frozen=True)
class Alerts:
    """Reports to the ledger what happens in the world."""

    engine: sa.Engine
    world: World
    scheduler: Scheduler

    def new_incident(self, firing: Firing) -> UUID | None:
        """Let the alert come in; returns the incident if a run is to be started for it."""
        self.world.fail(firing.target, firing.heals_at, firing.cause)
        self.world.open(firing.target, firing.alertname)
        receipt = deliveries.record(self.engine, SOURCE, uuid4().bytes, [_alert(firing, None)])
        waiting = sa.select(dispatches.c.incident_id).where(
            dispatches.c.incident_id == receipt.incidents[0], dispatches.c.state == "pending"
        )
        with self.engine.connect() as connection:
            return connection.execute(waiting.limit(1)).scalar()

    def dispatched(self, firing: Firing, incident_id: UUID, run_id: UUID) -> None:
        """Note which run was started, as the controller does, without its outbox."""
        taken = (
            sa.update(dispatches)
            .where(dispatches.c.incident_id == incident_id, dispatches.c.state == "pending")
            .values(state="sent", playbook=firing.kind.value, flow_run_id=run_id)
        )
        with self.engine.begin() as tx:
            tx.execute(taken)

    def over(self, firing: Firing) -> None:
        """Let the alert be over, if it still fires."""
        if self.world.is_open(firing.target, firing.alertname):
            self.world.close(firing.target, firing.alertname)
            body = [_alert(firing, self.scheduler.now)]
            deliveries.record(self.engine, SOURCE, uuid4().bytes, body)

    def fixed(self, firing: Firing) -> None:
        """Let what was broken work again."""
        self.world.fix(firing.target)
        self.over(firing)

    def weakened(self, firing: Firing) -> None:
        """Let a person set the weakened value by hand, if one is going to."""
        if firing.meddled and firing.kind is Kind.WEAKENED:
            activity = change_by_hand(self.world, self.scheduler, firing.target)
            self.scheduler.begin(self.scheduler.now + TAKES_OVER_AFTER, activity)


def change_by_hand(world: World, scheduler: Scheduler, target: str) -> Activity:
    """Let a person set what automation had weakened, notify nobody, and put it back later."""
    world.by_hand(scheduler.now, target)
    yield TENDS_FOR
    world.person_is_done(target)


def _alert(firing: Firing, ends_at: datetime | None) -> Alert:
    return Alert(
        status=AlertStatus.FIRING if ends_at is None else AlertStatus.RESOLVED,
        labels={"alertname": firing.alertname, "route": firing.target},
        annotations={},
        starts_at=firing.at,
        ends_at=ends_at,
    )
