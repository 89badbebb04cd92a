"""How a temporary change ends and how a dead run is recovered: revert-change and recover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.schemas.objects import StateType

from cct_ops.diagnoses.recovery import Finding, RecoveryDiagnosis
from cct_ops.diagnoses.reversion import Comparison, ReversionDiagnosis
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import changes, crashed_runs
from cct_ops.ledger.record import account
from cct_ops.models.crashed_run import Begun
from cct_ops.models.outcome import Outcome
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from evaluation.simulation.hands import Hands
from evaluation.simulation.scenario import Firing, RevertMishap
from evaluation.simulation.server import DIED, FlowRun, Play, SimulatedServer


@dataclass
class Upkeep:
    """Plays the runs that put back what others changed."""

    hands: Hands
    server: SimulatedServer
    made_for: Mapping[UUID, Firing] = field(default_factory=dict)
    struck: set[UUID] = field(default_factory=set)
    mishaps: int = 0

    def revert(self, started: FlowRun, run: Run) -> Play:
        """Wait for the target, read the change's time again, compare, and restore."""
        engine = self.hands.engine
        change = changes.read(engine, UUID(started.parameters["change_id"]))
        mishap = self._mishap(change.run_id)
        if mishap is RevertMishap.LOST:
            self.server.delete(started)
            return DIED
        token = yield from self.hands.lock(run, change.target)
        if token is None:
            return StateType.FAILED
        before = changes.read(engine, change.id)
        if not changes.claim_revert(engine, change.id, early=False):
            diagnosis = ReversionDiagnosis.not_now(changes.read(engine, change.id))
        elif mishap is RevertMishap.DIES_AT_FIRST:
            return DIED
        else:
            look = Comparison(
                as_set=self.hands.world.shows(change.target, change.call),
                as_before=self.hands.world.shows(change.target, change.revert),
                seen=self._seen(change.target),
            )
            diagnosis = ReversionDiagnosis.of(before, look)
            if diagnosis.plan is not None:
                self.hands.put_back(run, diagnosis.plan, diagnosis.plan.calls, token)
            if mishap is RevertMishap.DIES_UNTOLD:
                self.hands.world.done(change.target, run.id)
                return DIED
            if diagnosis.ends_as is not None:
                changes.finish(engine, change.id, diagnosis.ends_as, diagnosis.headline)
        self.hands.leave(run, change.target, token)
        self.hands.conclude(run, change.target, diagnosis.outcome, diagnosis.headline)
        return StateType.COMPLETED

    def recover(self, run: Run, dead_id: UUID) -> Play:
        """Lock the dead run out, read back what it had begun, and take that back."""
        engine = self.hands.engine
        known = account.of_run(engine, dead_id)
        if known.outcome not in {None, Outcome.FAILED}:
            raise NotPermitted(f"Run {dead_id} ended by itself: {known.outcome}.")
        wreck = crashed_runs.of_run(engine, dead_id, str(dead_id))
        target = wreck.plan.target
        token = yield from self.hands.lock(run, target, dead_run_id=dead_id)
        if token is None:
            return StateType.FAILED
        findings = tuple(self._find(wreck.plan, begun) for begun in wreck.begun)
        diagnosis = RecoveryDiagnosis.of(wreck, findings)
        if diagnosis.plan is not None:
            self.hands.put_back(run, diagnosis.plan, diagnosis.calls, token)
        back = [each.begun.step.undo for each in findings if each.undone and each.begun.confirmed]
        for call in [*diagnosis.calls, *(each for each in back if each is not None)]:
            changes.mark_undone(engine, dead_id, call)
        self.hands.leave(run, target, token)
        changes.drop_unmade(engine, wreck.run.id)
        self.hands.conclude(run, target, diagnosis.outcome, diagnosis.headline)
        crashed_runs.account_for(engine, wreck, diagnosis, diagnosis.outcome)
        return StateType.COMPLETED

    def _mishap(self, maker_id: UUID) -> RevertMishap | None:
        """Return what strikes the first revert of a change; the next one is spared."""
        firing = self.made_for.get(maker_id)
        if firing is None or maker_id in self.struck:
            return None
        self.struck.add(maker_id)
        self.mishaps += firing.revert_mishap is not None
        return firing.revert_mishap

    def _find(self, plan: Plan, begun: Begun) -> Finding:
        world, step = self.hands.world, begun.step
        in_effect = world.shows(plan.target, step.call)
        if in_effect and not begun.confirmed:
            crashed_runs.confirm(self.hands.engine, begun)
        return Finding(
            begun=begun,
            in_effect=in_effect,
            undone=not in_effect and step.undo is not None and world.shows(plan.target, step.undo),
            seen=self._seen(plan.target),
        )

    def _seen(self, target: str) -> str:
        return f"the check is {self.hands.world.value(target, 'check')}"
