"""The same alerts, met by what this project does: every change passes the real gate's ledger."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger import guards, locks, permits, record, track_record
from cct_ops.ledger.permits import Checker
from cct_ops.models.autonomy import Rung, rung
from cct_ops.models.guards import Intent, Rules, Standing, locked
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import Run
from cct_ops.models.verification import Verdict, Verification
from cct_ops.policy import PlaybookPolicy, Policy
from simulation import alerts
from simulation.approving import ask
from simulation.days import Course, Days
from simulation.plans import (
    DIAGNOSIS,
    LASTS,
    LOCK_WAIT,
    PERMIT_SECONDS,
    STALL,
    WATCH,
    Conclusion,
    plan_for,
)
from simulation.scenario import MINUTE, Firing, Kind, silences
from simulation.world import Temporary, World

OUTCOMES = {"storm": Outcome.RECOMMENDED, "merge": Outcome.MERGED}


@dataclass
class Guarded:
    """Runs as the flows and tasks make them, without Prefect and CCT."""

    engine: sa.Engine
    world: World
    days: Days
    policy: Policy
    playbooks: dict[str, PlaybookPolicy] = field(default_factory=dict)

    def begin(self, firing: Firing) -> Course:
        """Let the alert come in, and let a run begin if it is a new incident."""
        self.world.fail(firing.target, firing.heals_at)
        self.world.open(firing.target, firing.alertname)
        incident_id = alerts.fire(self.engine, firing)
        if incident_id is not None:
            self.days.begin(self.days.now + DIAGNOSIS, self.respond(firing, incident_id))
        yield firing.heals_at - self.days.now
        if self.world.is_open(firing.target, firing.alertname):
            self._over(firing)

    def respond(self, firing: Firing, incident_id: UUID | None) -> Course:
        """Run the playbook; without an incident it is a person's own run, which they approve."""
        if not self.world.is_broken(firing.target, self.days.now):
            return
        plan = plan_for(firing)
        run = Run(id=uuid4(), name="run", playbook=plan.playbook, incident_id=incident_id)
        earned = self.rung(plan)
        mode = Mode.APPROVE if incident_id is None else earned.mode
        wanted = Intent(
            playbook=plan.playbook,
            target=plan.target,
            calls=len(plan.calls),
            run_id=run.id,
            incident_id=incident_id,
            by_person=incident_id is None,
        )
        if earned.mode is Mode.OBSERVE:
            self._end(run, plan, mode, Outcome.RECOMMENDED, earned.reason)
            return
        stop = self._before_asking(wanted, asks=mode is Mode.APPROVE)
        if stop is not None:
            self._stopped(run, plan, mode, stop)
            return
        if mode is Mode.APPROVE:
            answer = yield from ask(self.engine, self.days, firing, plan, run)
            if answer is not None:
                self._end(run, plan, mode, answer, "A person was asked.")
                return
        token = yield from self._lock(run, plan)
        if token is None:
            self._stopped(run, plan, mode, locked(plan.target, LOCK_WAIT.total_seconds()))
            return
        if not self.world.is_broken(firing.target, self.days.now):
            locks.release(self.engine, plan.target, token)
            self._end(run, plan, mode, Outcome.NOTHING_TO_DO, "No longer needed.")
            return
        permit = self._permit(run, plan, mode, wanted, token)
        if permit is not None:
            yield from self._act(firing, run, plan, permit)
        locks.release(self.engine, plan.target, token)

    def _over(self, firing: Firing) -> None:
        self.world.close(firing.target, firing.alertname)
        alerts.resolve(self.engine, firing, self.days.now)

    def rung(self, plan: Plan) -> Rung:
        """Return what the record lets the playbook do."""
        settings = self.policy.autonomy
        known = self.playbooks[plan.playbook]
        with self.engine.connect() as connection:
            found = track_record.of(
                connection,
                plan.playbook,
                settings.class_of(plan.target),
                recurs_within_hours=settings.recurs_within_hours,
                clean_since=known.clean_since,
                wanted_again=plan.target,
            )
        return rung(known.ceiling, plan.playbook, found, settings, self.days.now)

    def _rules(self, playbook: str) -> Rules:
        return Rules(
            settings=self.policy.guards,
            maintenance=self.policy.maintenance,
            allowed=self.playbooks[playbook].targets,
            silences=silences(self.days.now),
        )

    def _before_asking(self, wanted: Intent, *, asks: bool) -> Standing | None:
        with self.engine.connect() as connection:
            stop = guards.first_stop(connection, wanted, self._rules(wanted.playbook))
            if stop is None and asks and (other := guards.waiting_run(connection, wanted)):
                return guards.merged(wanted, other)
        return stop

    def _lock(self, run: Run, plan: Plan) -> Generator[timedelta, None, int | None]:
        until = self.days.now + LOCK_WAIT
        while True:
            token = locks.acquire(self.engine, plan.target, run.id, PERMIT_SECONDS)
            if token is not None or self.days.now >= until:
                return token
            yield MINUTE

    def _permit(
        self, run: Run, plan: Plan, mode: Mode, wanted: Intent, token: int
    ) -> Permit | None:
        with self.engine.begin() as tx:
            guards.serialise(tx)
            stop = guards.first_stop(tx, wanted, self._rules(plan.playbook))
            if stop is None:
                self._decide(tx, run, plan, mode, "permitted")
                return permits.issue(
                    tx,
                    PermitKind.CHANGE,
                    plan,
                    plan.calls,
                    run=run,
                    fencing_token=token,
                    seconds=PERMIT_SECONDS,
                )
        self._stopped(run, plan, mode, stop)
        return None

    def _act(self, firing: Firing, run: Run, plan: Plan, permit: Permit) -> Course:
        self.world.attempts += 1
        made: Temporary | None = None
        try:
            for call in plan.calls:
                if firing.kind is Kind.WEAKENED:  # taken back whatever becomes of this run
                    made = Temporary(due_at=self.days.now + LASTS)
                    self.days.begin(made.due_at, self._take_back(run, plan, made))
                self._write(run, permit, call)
                if made is not None:
                    self.world.temporary.append(made)
                if firing.dies:
                    yield timedelta(days=10_000)  # the worker was killed: nothing else comes of it
                if firing.stalls:
                    yield STALL
        except NotPermitted:
            self.world.stopped_writes += 1
            with self.engine.begin() as tx:
                self._decide(tx, run, plan, Mode.AUTO, record.UNDO_FAILED)
            self._conclude(run, plan, permit, Outcome.FAILED)
            return
        yield WATCH
        verdict = Verdict.HOLDS if firing.works else Verdict.BROKEN
        record.verify(self.engine, run.id, Verification(verdict=verdict, reason="-"))
        if firing.works:
            self.world.fix(firing.target)
            self._over(firing)
        else:
            self._restore(run, plan, permit.fencing_token)
            if made is not None:
                made.reverted_at = self.days.now
        self._conclude(run, plan, permit, Outcome.RESOLVED if firing.works else Outcome.UNDONE)

    def _write(self, run: Run, permit: Permit, call: Call) -> None:
        with Checker(self.engine, run.id).check(permit, call):
            self.world.write(
                self.days.now,
                permit.target,
                run.id,
                until=permit.expires_at,
                permitted=True,
                restores=permit.kind is PermitKind.RESTORE,
            )
        permits.confirm(self.engine, permit, call)

    def _restore(self, run: Run, plan: Plan, token: int) -> None:
        """Put things back, which no guard stops."""
        with self.engine.begin() as tx:
            permit = permits.issue(
                tx,
                PermitKind.RESTORE,
                plan,
                plan.undo_calls,
                run=run,
                fencing_token=token,
                seconds=PERMIT_SECONDS,
            )
        for call in plan.undo_calls:
            self._write(run, permit, call)
        permits.close(self.engine, permit)

    def _take_back(self, run: Run, plan: Plan, made: Temporary) -> Course:
        """Take a temporary change back when its time is over, as the sweeper does."""
        if made.reverted_at is not None or made not in self.world.temporary:
            return
        sweeper = run.model_copy(update={"id": uuid4()})
        while (
            token := locks.acquire(self.engine, plan.target, sweeper.id, PERMIT_SECONDS)
        ) is None:
            yield MINUTE
        self._restore(sweeper, plan, token)
        made.reverted_at = self.days.now
        self.world.done(plan.target, sweeper.id)
        locks.release(self.engine, plan.target, token)

    def _conclude(self, run: Run, plan: Plan, permit: Permit, outcome: Outcome) -> None:
        self.world.done(plan.target, run.id)
        permits.close(self.engine, permit)
        record.conclude(self.engine, run, plan.target, outcome, "-")

    def _stopped(self, run: Run, plan: Plan, mode: Mode, stop: Standing) -> None:
        outcome = OUTCOMES.get(stop.guard, Outcome.BLOCKED)
        self._end(run, plan, mode, outcome, stop.reason, stop.guard)

    def _end(
        self,
        run: Run,
        plan: Plan,
        mode: Mode,
        outcome: Outcome,
        reason: str,
        guard: str | None = None,
    ) -> None:
        with self.engine.begin() as tx:
            self._decide(tx, run, plan, mode, outcome.value, guard)
        record.conclude(self.engine, run, plan.target, outcome, reason)

    def _decide(
        self,
        tx: sa.Connection,
        run: Run,
        plan: Plan,
        mode: Mode,
        verdict: str,
        guard: str | None = None,
    ) -> None:
        record.decide(
            tx,
            Conclusion(plan),
            plan,
            run=run,
            mode=mode,
            verdict=verdict,
            reason="-",
            guard=guard,
        )
