"""The same alerts, met by what this project does: every change passes the gate itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from greenlet import GreenletExit
from prefect.client.schemas.objects import StateType

from cct_ops.config.policy import Policy
from cct_ops.models.run import RECOVER, Run, incident_of, incident_tag
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import Message
from cct_ops.settings import Settings
from evaluation.simulation.alerts import Alerts
from evaluation.simulation.approver import PATIENCE_MINUTES, Answering
from evaluation.simulation.plans import DIAGNOSIS
from evaluation.simulation.playbook import Worker
from evaluation.simulation.process import Process
from evaluation.simulation.scenario import MINUTE, Firing, Kind
from evaluation.simulation.scheduler import Activity, Scheduler
from evaluation.simulation.server import OWN, FlowRun, SimulatedServer
from evaluation.simulation.sweeping import Sweeping
from evaluation.simulation.world import World

RETRIED_AFTER = 15 * MINUTE
IMPATIENT_AFTER = 2 * MINUTE


@dataclass
class Guarded:
    """Lets alerts in, and works on the runs that the server starts for them."""

    server: SimulatedServer
    alerts: Alerts
    scheduler: Scheduler
    pages: list[Message] = field(default_factory=list)
    """What would have rung the person on call."""
    worker: Worker = field(init=False)
    by_incident: dict[UUID, Firing] = field(default_factory=dict)
    by_run: dict[UUID, Firing] = field(default_factory=dict)
    of_people: set[UUID] = field(default_factory=set)
    """The runs that a person started."""
    incidents: list[datetime] = field(default_factory=list)

    def begin(self, firing: Firing) -> Activity:
        """Let the alert come in, and let a run begin if it is a new incident."""
        incident_id, scheduler = self.alerts.new_incident(firing), self.scheduler
        if incident_id is not None:
            self.by_incident[incident_id] = firing
            self.incidents.append(scheduler.now)
            tags = [incident_tag(incident_id)]
            parameters = {"target": firing.target}
            run = self.server.create(firing.kind, parameters, scheduler.now + DIAGNOSIS, tags)
            self.alerts.dispatched(firing, incident_id, run.id)
            if firing.retried:
                scheduler.begin(scheduler.now + RETRIED_AFTER, self._retry(run))
            if firing.recovered_alive:
                self.server.create(
                    RECOVER, {"run_id": str(run.id)}, scheduler.now + IMPATIENT_AFTER
                )
        yield firing.heals_at - scheduler.now
        self.alerts.over(firing)

    def by_hand(self, firing: Firing) -> None:
        """Start the playbook as a person does, without an incident."""
        run = self.server.create(firing.kind, {"target": firing.target}, self.scheduler.now)
        self.by_run[run.id] = firing
        self.of_people.add(run.id)

    def play(self, started: FlowRun, process: Process) -> StateType:
        """Work on a run in a process."""
        run = Run(
            id=started.id,
            name=started.deployment,
            playbook=started.deployment,
            incident_id=incident_of(started.tags),
        )
        if run.playbook not in OWN:
            self.by_run[run.id] = self.firing_of(run)
        return self.worker.work(run, started, process)

    def firing_of(self, run: Run) -> Firing:
        """Return the alert that a run is for."""
        return self.by_run.get(run.id) or self.by_incident[run.incident_id or run.id]

    def _retry(self, run: FlowRun) -> Activity:
        self.server.retry(run)
        yield timedelta(0)


@contextmanager
def guarded_by(
    engine: sa.Engine,
    scheduler: Scheduler,
    known: Policy,
    policy_path: Path,
    *,
    sweeps_changes: bool,
) -> Iterator[Guarded]:
    """Put the parts together, with the controller's sweeps at work."""
    settings = Settings(
        policy_path=policy_path,
        approvers_path=policy_path.with_name("approvers.yaml"),
        approval_minutes=PATIENCE_MINUTES,
    )
    world = World()
    server = SimulatedServer(scheduler, {*Kind, *OWN})
    guarded = Guarded(server, Alerts(engine, world, scheduler), scheduler)
    with server.reached() as reached:
        notifier = Notifier(engine, page=lambda message, _topic: guarded.pages.append(message))
        sweeping = Sweeping(engine, settings, notifier, reached, of_changes=sweeps_changes)
        guarded.worker = Worker(
            engine,
            world,
            scheduler,
            known,
            settings,
            server,
            reached,
            Answering(engine, scheduler, sweeping.news, guarded.firing_of),
            guarded.alerts,
            guarded.firing_of,
            guarded.by_run,
        )
        server.play = guarded.play
        scheduler.begin(scheduler.now, sweeping.activity())
        try:
            yield guarded
        finally:
            sa.event.listen(engine, "before_cursor_execute", _refuse)
            for process in server.processes:
                process.end()


def _refuse(*_: object) -> None:
    """Keep what is over from the ledger."""
    raise GreenletExit
