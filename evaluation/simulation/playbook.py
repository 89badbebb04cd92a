"""The runs of the week: a playbook's body as every flow has it, a revert, and a recovery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from prefect.client.schemas.objects import StateType

from cct_ops.clients.server import Server
from cct_ops.config.policy import Policy
from cct_ops.diagnoses.reversion import Comparison
from cct_ops.errors import NotPermitted, OpsError, SteadyStateNotReached
from cct_ops.gate import recovery, scheduled_reverts, temporary
from cct_ops.gate.apply_and_confirm import Executor
from cct_ops.gate.gate import Gate
from cct_ops.ledger.gate import approvals, changes, crashed_runs, leases
from cct_ops.ledger.record import account
from cct_ops.models.change import TemporaryChange
from cct_ops.models.run import RECOVER, REVERT, Mode, Outcome, Run
from cct_ops.models.verification import Verdict, Verification
from cct_ops.settings import Settings
from evaluation.simulation.alerts import Alerts
from evaluation.simulation.approver import Answering, Suspended
from evaluation.simulation.plans import DAWDLING, STALL, WATCH, Conclusion, plan_for
from evaluation.simulation.process import Process
from evaluation.simulation.scenario import Firing, Kind, Mishap, RevertMishap
from evaluation.simulation.scheduler import Scheduler
from evaluation.simulation.server import FlowRun, SimulatedServer
from evaluation.simulation.systems import Quiet, Strikes, Targets
from evaluation.simulation.world import World


@dataclass
class Worker:
    """Works on runs, each with a gate of its own."""

    engine: sa.Engine
    world: World
    scheduler: Scheduler
    policy: Policy
    settings: Settings
    server: SimulatedServer
    prefect: Server
    answering: Answering
    alerts: Alerts
    firing_of: Callable[[Run], Firing]
    made_for: Mapping[UUID, Firing]
    struck: set[Firing | UUID] = field(default_factory=set)
    attempts: int = 0
    mishaps: int = 0
    stopped_writes: int = 0

    def work(self, run: Run, started: FlowRun, process: Process) -> StateType:
        """Work on a run to its end, and account for one that an error ended."""
        strikes = Strikes()
        targets = Targets(self.world, self.scheduler, self.engine, run, process, strikes)
        executor = Executor(run, self.engine, self.settings, process, targets, Quiet(strikes))
        play: Callable[[], tuple[str, Outcome, str] | None]
        if run.playbook == REVERT:
            play = partial(self._revert, executor, strikes, process, started)
        elif run.playbook == RECOVER:
            play = partial(self._recover, executor, UUID(started.parameters["run_id"]))
        else:
            play = partial(self._repair, executor, strikes, process, self.firing_of(run))
        state = StateType.COMPLETED
        try:
            ended = play()
        except Suspended:
            return StateType.PAUSED
        except OpsError as error:
            ended, state = self._account(run, error, started), StateType.FAILED
        if ended is None:
            return StateType.FAILED
        self.world.done(ended[0], run.id)
        try:
            self._conclude(run, *ended)
        except NotPermitted:
            return StateType.FAILED  # it was given up meanwhile, and has no say any more
        return state

    def _repair(
        self, executor: Executor, strikes: Strikes, process: Process, firing: Firing
    ) -> tuple[str, Outcome, str]:
        """Look, conclude, pass the gate, change, verify: as every playbook does."""
        gate = Gate(
            executor,
            self.policy,
            notifier=self.answering,
            suspension=self.answering,
            schedule_revert=self._schedule_revert,
        )
        look = partial(self._look, firing)
        diagnosis = look()
        if diagnosis.plan is None:
            return firing.target, diagnosis.outcome, diagnosis.headline
        mode = Mode.APPROVE if executor.run.incident_id is None else Mode.AUTO
        with gate.authorise(diagnosis, mode, again=look) as decision:
            if decision.permit is None:
                return firing.target, decision.outcome or Outcome.BLOCKED, decision.reason
            verified = self._strike(firing, strikes, process, executor.run)
            executor.perform_all(decision.permit)
            with executor.alive():  # as whoever has CCT open; one that was given up is refused
                process.sleep(WATCH.total_seconds())
                self._verify(executor.run, firing)
            verified()
        return firing.target, Outcome.RESOLVED, "It was watched."

    def _look(self, firing: Firing) -> Conclusion:
        weak = firing.kind is Kind.WEAKENED and not all(
            self.world.shows(firing.target, undo) for undo in plan_for(firing).undo_calls
        )
        broken = self.world.is_broken(firing.target, self.scheduler.now)
        cause = self.world.cause(firing.target)
        return Conclusion(firing, cause, needed=broken and not weak)

    def _strike(
        self, firing: Firing, strikes: Strikes, process: Process, run: Run
    ) -> Callable[[], None]:
        """Let happen what is to happen to this attempt; return what comes after it is verified."""
        mishap = None if firing in self.struck else firing.mishap
        self.struck.add(firing)
        self.attempts += 1
        self.mishaps += mishap is not None
        die = partial(self._die, firing.target, run, process)
        change_by_hand = partial(self.alerts.weakened, firing)
        strikes.arrived = change_by_hand
        match mishap:
            case Mishap.DIES_AT_FIRST:
                die()
            case Mishap.DIES_IN_DOUBT:
                strikes.noted = die
            case Mishap.DIES_UNTOLD:
                strikes.arrived = lambda: (change_by_hand(), die())[1]
            case Mishap.STALLS:
                strikes.seen = partial(self._stall, firing.target, run, process)
            case Mishap.DAWDLES:
                strikes.seen = partial(process.dawdle, DAWDLING)
            case Mishap.STORES_NOTHING:
                strikes.lost = True
        return die if mishap is Mishap.DIES_VERIFIED else lambda: None

    def _verify(self, run: Run, firing: Firing) -> None:
        plan = plan_for(firing)
        verdict = Verdict.HOLDS if firing.works else Verdict.BROKEN
        found = Verification(verdict=verdict, reason="It was watched.")
        account.record_verification(self.engine, run.id, found)
        if not firing.works:
            raise SteadyStateNotReached(found.reason)
        self.world.said_to_work(firing.target, plan.calls)
        self.alerts.fixed(firing)

    def _revert(
        self, executor: Executor, strikes: Strikes, process: Process, started: FlowRun
    ) -> tuple[str, Outcome, str] | None:
        """Wait for the target, read the change's time again, compare, and restore."""
        change = changes.read(self.engine, UUID(started.parameters["change_id"]))
        mishap = self._mishap_of_revert(change.run_id)
        if mishap is RevertMishap.LOST:
            self.server.delete(started)
            return None
        die = partial(self._die, change.target, executor.run, process)
        if mishap is RevertMishap.DIES_UNTOLD:
            strikes.seen = die

        def compare(before: TemporaryChange) -> Comparison:
            if mishap is RevertMishap.DIES_AT_FIRST:
                die()
            return temporary.compare(executor, before)

        diagnosis = temporary.end_change(executor, change, compare, early=False)
        return change.target, diagnosis.outcome, diagnosis.headline

    def _recover(self, executor: Executor, dead_id: UUID) -> tuple[str, Outcome, str]:
        """Lock the dead run out, read back what it had begun, and take that back."""
        with recovery.locked_out(executor, dead_id, str) as (crash, token):
            look = partial(recovery.look_at_step, executor)
            diagnosis = recovery.diagnose(executor, crash, look)
            recovery.take_back(executor, crash, token, diagnosis)
        changes.drop_unmade(self.engine, dead_id)
        crashed_runs.account_for(self.engine, crash, diagnosis, diagnosis.outcome)
        return crash.plan.target, diagnosis.outcome, diagnosis.headline

    def _account(
        self, run: Run, error: OpsError, started: FlowRun
    ) -> tuple[str, Outcome, str] | None:
        """Say how a run ends that an error ended; None where its recovery gives the account."""
        target = started.parameters.get("target")
        self.world.done(target or run.playbook, run.id)
        # One that slept too long finds itself locked out.
        self.stopped_writes += leases.is_reaped(self.engine, run.id)
        otherwise = Outcome.BLOCKED if isinstance(error, NotPermitted) else Outcome.FAILED
        ended = recovery.account_of(self.engine, run, str(error), otherwise)
        if ended is None:
            return None
        outcome, reason, planned = ended
        return target or planned, outcome, reason

    def _conclude(self, run: Run, target: str, outcome: Outcome, reason: str) -> None:
        """Give the run's account."""
        leases.touch(self.engine, run.id, self.settings.lease_seconds)
        approvals.void(self.engine, run.id, "The run ended without needing it.")
        account.record_outcome(self.engine, run, target, outcome, reason, said=True)

    def _schedule_revert(self, change: TemporaryChange) -> None:
        with self.prefect.connect() as client:
            scheduled_reverts.schedule_with(client, self.engine, change, at_server=self.prefect)

    def _die(self, target: str, run: Run, process: Process) -> None:
        self.world.done(target, run.id)
        process.die()

    def _stall(self, target: str, run: Run, process: Process) -> None:
        self.world.falls_asleep(target, run.id)
        process.stall(STALL)

    def _mishap_of_revert(self, maker_id: UUID) -> RevertMishap | None:
        """Return what strikes the first revert of a change; the next one is spared."""
        firing = self.made_for.get(maker_id)
        if firing is None or maker_id in self.struck:
            return None
        self.struck.add(maker_id)
        self.mishaps += firing.revert_mishap is not None
        return firing.revert_mishap
