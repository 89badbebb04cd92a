"""The run of a playbook: through the gate, to the change, to its verification or its undo."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta

from prefect.client.schemas.objects import StateType

from cct_ops.clients.server import Server
from cct_ops.errors import NotPermitted
from cct_ops.gate import scheduled_reverts
from cct_ops.ledger.gate import changes, leases, permits
from cct_ops.ledger.gate.approvals import ApprovalState
from cct_ops.ledger.record import account
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit
from cct_ops.models.run import Run
from cct_ops.models.verification import Verdict, Verification
from evaluation.simulation.alerts import Alerts
from evaluation.simulation.approver import PATIENCE_MINUTES, Answering
from evaluation.simulation.gate import ANSWERS, Gate, Passage
from evaluation.simulation.hands import Hands
from evaluation.simulation.plans import STALL, WATCH, plan_for
from evaluation.simulation.scenario import Firing, Kind, Mishap
from evaluation.simulation.server import DIED, Play


@dataclass
class Playbook:
    """Plays runs of playbooks."""

    hands: Hands
    gate: Gate
    prefect: Server
    answering: Answering
    alerts: Alerts
    struck: set[Firing] = field(default_factory=set)
    attempts: int = 0
    stopped_writes: int = 0
    mishaps: int = 0

    def play(self, run: Run, firing: Firing) -> Play:
        """Diagnose, pass the gate as far as it goes, and act if it lets the run through."""
        self.hands.live(run)
        if not self._needed(firing):
            return self._not_needed(run, firing)
        plan = plan_for(firing)
        earned = self.gate.rung(plan)
        passage = Passage(run, plan, Mode.APPROVE if run.incident_id is None else earned.mode)
        if earned.mode is Mode.OBSERVE:
            return self.gate.end(passage, Outcome.RECOMMENDED, earned.reason)
        stop = self.gate.first_stop(passage)
        if stop is not None:
            return self.gate.stopped(passage, stop)
        ends = self._ask(passage, firing) if passage.mode is Mode.APPROVE else None
        if ends is not None:
            return ends
        return (yield from self._under_lock(passage, firing))

    def _under_lock(self, passage: Passage, firing: Firing) -> Play:
        run, target = passage.run, firing.target
        token = yield from self.hands.lock(run, target)
        if token is None:
            return self.gate.locked_out(passage)
        permit = None
        try:
            if not self._needed(firing):
                return self._not_needed(run, firing)
            permit = self.gate.permit(passage, token)
        finally:
            if permit is None:
                self.hands.leave(run, target, token)
        return (
            StateType.COMPLETED
            if permit is None
            else (yield from self._act(passage, firing, permit))
        )

    def _needed(self, firing: Firing) -> bool:
        world = self.hands.world
        changed = firing.kind is Kind.WEAKENED and any(
            not world.shows(firing.target, undo) for undo in plan_for(firing).undo_calls
        )
        return world.is_broken(firing.target, self.hands.days.now) and not changed

    def _not_needed(self, run: Run, firing: Firing) -> StateType:
        self.hands.conclude(run, firing.target, Outcome.NOTHING_TO_DO, "No longer needed.")
        return StateType.COMPLETED

    def _ask(self, passage: Passage, firing: Firing) -> StateType | None:
        """Return None once there is a yes, else the state in which the run waits or ends."""
        approval, new = self.gate.ask(passage, PATIENCE_MINUTES)
        if new:
            self.answering.asked(approval, firing)
        if approval.state is ApprovalState.PENDING:
            return StateType.PAUSED
        if approval.state is ApprovalState.APPROVED:
            return None
        return self.gate.end(passage, ANSWERS[approval.state], approval.note or "-")

    def _act(self, passage: Passage, firing: Firing, permit: Permit) -> Play:
        mishap = None if firing in self.struck else firing.mishap
        self.struck.add(firing)
        self.attempts += 1
        self.mishaps += mishap is not None
        try:
            self._schedule(passage, permit)
            if mishap is Mishap.DIES_AT_FIRST or not (
                yield from self._change(passage, firing, permit, mishap)
            ):
                self.hands.world.done(firing.target, passage.run.id)
                return DIED
        except NotPermitted:
            # It slept too long: its recovery has the lock by now, and gives the account.
            self.stopped_writes += 1
            self.hands.world.done(firing.target, passage.run.id)
            if not leases.is_reaped(self.hands.engine, passage.run.id):
                raise
            return StateType.FAILED
        permits.close(self.hands.engine, permit)
        changes.drop_unmade(self.hands.engine, passage.run.id)
        self.hands.leave(passage.run, firing.target, permit.fencing_token)
        outcome = Outcome.RESOLVED if firing.works else Outcome.UNDONE
        self.hands.conclude(passage.run, firing.target, outcome, "It was watched.")
        return StateType.COMPLETED

    def _change(
        self, passage: Passage, firing: Firing, permit: Permit, mishap: Mishap | None
    ) -> Generator[timedelta, None, bool]:
        """Make the calls, watch what comes of them, and undo them or not; False if it died."""
        run = passage.run
        for call in passage.plan.calls:
            self.hands.send(run, permit, call, arrives=mishap is not Mishap.DIES_IN_DOUBT)
            if firing.kind is Kind.WEAKENED:
                self.alerts.weakened(firing)
            if mishap in {Mishap.DIES_IN_DOUBT, Mishap.DIES_UNTOLD}:
                return False
            self.hands.confirm(permit, call)
            if mishap is Mishap.STALLS:
                self.hands.world.falls_asleep(firing.target, run.id)
                yield STALL
        self.hands.live(run, WATCH)
        yield WATCH
        verdict = Verdict.HOLDS if firing.works else Verdict.BROKEN
        found = Verification(verdict=verdict, reason="It was watched.")
        account.record_verification(self.hands.engine, run.id, found)
        if firing.works:
            self.alerts.fixed(firing)
        if mishap is Mishap.DIES_VERIFIED:
            return False
        if not firing.works:
            self._undo(passage, permit)
        return True

    def _schedule(self, passage: Passage, permit: Permit) -> None:
        """Arrange the end of what is temporary, before it is made."""
        engine, plan = self.hands.engine, passage.plan
        for step in plan.steps:
            if step.lasts_minutes is None:
                continue
            owner = changes.approver(engine, passage.run.id) or f"run in {passage.mode} mode"
            with engine.begin() as tx:
                change = changes.schedule(
                    tx, permit, step, before="strict", owner=owner, reason=plan.summary
                )
            with self.prefect.connect() as client:
                scheduled_reverts.wake_with(client, engine, change, at_server=self.prefect)

    def _undo(self, passage: Passage, permit: Permit) -> None:
        calls = passage.plan.undo_calls
        self.hands.put_back(passage.run, passage.plan, calls, permit.fencing_token)
        for call in calls:
            changes.mark_undone(self.hands.engine, passage.run.id, call)
        self.gate.decide(passage, Outcome.UNDONE.value, "It did not hold.")
