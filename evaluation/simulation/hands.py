"""
What runs do to targets, by the rules of the tasks: under the lock, on a permit, journalled first.

The ledger's functions are those that the tasks call, in the same order; what is left out is what
needs Prefect's engine or CCT's API around it. A wait lets simulated time go by.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import approvals, changes, leases, locks, permits
from cct_ops.ledger.gate.permits import Checker
from cct_ops.ledger.record import account
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import Run
from evaluation.simulation.days import Days
from evaluation.simulation.plans import LASTS, LOCK_WAIT, PERMIT_SECONDS
from evaluation.simulation.scenario import MINUTE
from evaluation.simulation.world import World

LEASE_SECONDS = 120.0


@dataclass
class Hands:
    """Changes the simulated targets."""

    engine: sa.Engine
    world: World
    days: Days

    def live(self, run: Run, through: timedelta = timedelta(0)) -> None:
        """Show signs of life until then; raises ``NotPermitted`` for one that was given up."""
        with self.engine.begin() as tx:
            leases.touch(tx, run.id, through.total_seconds() + LEASE_SECONDS)

    def lock(
        self, run: Run, target: str, *, dead_run_id: UUID | None = None
    ) -> Generator[timedelta, None, int | None]:
        """Wait for the target's lock; None when it was not to be had in time."""
        until = self.days.now + LOCK_WAIT
        while True:
            self.live(run, MINUTE)
            token = locks.acquire(
                self.engine, target, run.id, PERMIT_SECONDS, dead_run_id=dead_run_id
            )
            if token is not None or self.days.now >= until:
                return token
            yield MINUTE

    def send(self, run: Run, permit: Permit, call: Call, *, arrives: bool = True) -> None:
        """Send one call if the permit allows it; the intent is on record also if it is lost."""
        with Checker(self.engine, run.id).check(permit, call):
            if arrives:
                self.world.write(self.days.now, run.id, permit.target, call, lasts=LASTS)

    def confirm(self, permit: Permit, call: Call) -> None:
        """Note what the read-back shows."""
        if self.world.shows(permit.target, call):
            permits.confirm(self.engine, permit, call)
            changes.activate(self.engine, permit, call)

    def put_back(self, run: Run, plan: Plan, calls: Sequence[Call], token: int) -> None:
        """Put things back, which no guard stops."""
        if not locks.renew(self.engine, plan.target, token, PERMIT_SECONDS):
            raise NotPermitted(f"The lock of {plan.target} was lost to another run.")
        with self.engine.begin() as tx:
            permit = permits.issue(
                tx,
                PermitKind.RESTORE,
                plan,
                calls,
                run=run,
                fencing_token=token,
                seconds=PERMIT_SECONDS,
            )
        for call in calls:
            self.send(run, permit, call)
            self.confirm(permit, call)
        permits.close(self.engine, permit)

    def leave(self, run: Run, target: str, token: int) -> None:
        """Be through with the target."""
        self.world.done(target, run.id)
        locks.release(self.engine, target, token)

    def conclude(self, run: Run, target: str, outcome: Outcome, reason: str) -> None:
        """Give the run's account; one that was given up has no say any more."""
        self.live(run)
        approvals.void(self.engine, run.id, "The run ended without needing it.")
        account.record_outcome(self.engine, run, target, outcome, reason)
