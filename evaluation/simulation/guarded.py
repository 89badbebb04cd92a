"""The same alerts, met by what this project does: every change passes the real gate's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from prefect.client.schemas.objects import StateType

from cct_ops.config.policy import Policy
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import leases
from cct_ops.ledger.record import account
from cct_ops.models.outcome import Outcome
from cct_ops.models.run import Run, incident_of, incident_tag
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Voice
from cct_ops.reports.messages import Message
from cct_ops.settings import Settings
from evaluation.simulation.alerts import Alerts
from evaluation.simulation.approver import Answering
from evaluation.simulation.days import Course, Days
from evaluation.simulation.gate import Gate
from evaluation.simulation.hands import Hands
from evaluation.simulation.plans import DIAGNOSIS
from evaluation.simulation.playbook import Playbook
from evaluation.simulation.scenario import Firing, Kind
from evaluation.simulation.server import OWN, FlowRun, Play, SimulatedServer
from evaluation.simulation.sweeping import Sweeping
from evaluation.simulation.upkeep import Upkeep
from evaluation.simulation.world import World


@dataclass
class Pager:
    """Counts what would ring the person on call."""

    rang: int = 0

    def page(self, _message: Message, _topic: Topic | None) -> None:
        """Ring."""
        self.rang += 1


@dataclass
class Guarded:
    """Lets alerts in, and plays the runs that the server starts for them."""

    hands: Hands
    gate: Gate
    server: SimulatedServer
    alerts: Alerts
    playbook: Playbook
    upkeep: Upkeep
    pager: Pager
    by_incident: dict[UUID, Firing] = field(default_factory=dict)
    by_run: dict[UUID, Firing] = field(default_factory=dict)

    def begin(self, firing: Firing) -> Course:
        """Let the alert come in, and let a run begin if it is a new incident."""
        incident_id, days = self.alerts.new_incident(firing), self.hands.days
        if incident_id is not None:
            self.by_incident[incident_id] = firing
            tags = [incident_tag(incident_id)]
            parameters = {"target": firing.target}
            run = self.server.create(firing.kind, parameters, days.now + DIAGNOSIS, tags)
            self.alerts.dispatched(firing, incident_id, run.id)
        yield firing.heals_at - days.now
        self.alerts.over(firing)

    def by_hand(self, firing: Firing) -> None:
        """Start the playbook as a person does, without an incident."""
        run = self.server.create(firing.kind, {"target": firing.target}, self.hands.days.now)
        self.by_run[run.id] = firing

    def play(self, started: FlowRun) -> Play:
        """Play a run, and account for one that an error ended, as the hook of all flows does."""
        run = Run(
            id=started.id,
            name=started.deployment,
            playbook=started.deployment,
            incident_id=incident_of(started.tags),
        )
        try:
            return (yield from self._play(started, run))
        except NotPermitted as error:
            known = account.of_run(self.hands.engine, run.id)
            acted = any(act.kind == "change" for act in known.actions)
            # What was cut off in the middle is for the reaper, which finds it without an account.
            if not (known.outcome or acted or leases.is_reaped(self.hands.engine, run.id)):
                target = started.parameters.get("target", run.playbook)
                self.hands.conclude(run, target, Outcome.FAILED, str(error))
            return StateType.FAILED

    def _play(self, started: FlowRun, run: Run) -> Play:
        if started.deployment == "revert-change":
            return self.upkeep.revert(started, run)
        if started.deployment == "recover":
            return self.upkeep.recover(run, UUID(started.parameters["run_id"]))
        firing = self.by_run.get(run.id) or self.by_incident[run.incident_id or run.id]
        self.by_run[run.id] = firing
        return self.playbook.play(run, firing)


@contextmanager
def guarded_by(
    engine: sa.Engine,
    days: Days,
    known: Policy,
    policy_path: Path,
    *,
    sweeps_changes: bool,
) -> Iterator[Guarded]:
    """Put the parts together, with the controller's sweeps at work."""
    hands = Hands(engine, World(), days)
    gate, alerts = Gate(hands, known), Alerts(engine, hands.world, days)
    server, pager = SimulatedServer(days, {*Kind, *OWN}), Pager()
    with server.reached() as reached:
        sweeping = Sweeping(
            engine,
            Settings(policy_path=policy_path),
            Voice(engine, page=pager.page),
            reached,
            of_changes=sweeps_changes,
        )
        answering = Answering(engine, days, sweeping.news)
        playbook = Playbook(hands, gate, reached, answering, alerts)
        guarded = Guarded(hands, gate, server, alerts, playbook, Upkeep(hands, server), pager)
        guarded.upkeep.made_for = guarded.by_run
        server.play = guarded.play
        days.begin(days.now, sweeping.course())
        yield guarded
