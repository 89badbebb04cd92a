"""
What becomes of runs whose process died, which Prefect leaves Pending or Running for ever.

First the dead run is locked out in the ledger, so that a process which was only asleep can neither
look nor act any more; only then is it marked Crashed. One that had begun a change is recovered,
one that had changed nothing is replaced while its incident is open. Whatever is started has a key,
so that it is started once, also by two controllers or by one that dies in the middle.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.states import Cancelled, Crashed

from cct_ops.clients.deployments import start
from cct_ops.clients.server import CONFIGURED, Server, find_run, under_way
from cct_ops.controller import metrics, notices
from cct_ops.controller.accounts import Accounts
from cct_ops.controller.takeovers import account_for_dead
from cct_ops.errors import Unavailable
from cct_ops.ledger.gate import approvals, changes, leases, takeovers
from cct_ops.ledger.gate.leases import Lease
from cct_ops.ledger.intake import successors
from cct_ops.ledger.record import account, journal
from cct_ops.ledger.record.account import RunRecord
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import NOT_RECORDED, RECOVER, RECOVERS, UPKEEP, Run, incident_of
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual

REPLACEMENTS = 3
RECOVERIES = 5
RECOVERY_PAUSE_SECONDS = 60.0
# Once more for as long as CCT's reads may lag, after its run has waited for that long itself.
DOUBT_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reaper:
    """One sweep after another; ``start_seconds`` is how long a start may take."""

    engine: sa.Engine
    notifier: Notifier
    policy_path: Path
    start_seconds: float
    recovery_pause_seconds: float = RECOVERY_PAUSE_SECONDS
    doubt_seconds: float = DOUBT_SECONDS
    server: Server = CONFIGURED

    @property
    def _accounts(self) -> Accounts:
        """The writer of the accounts that the dead runs cannot write."""
        return Accounts(self.engine, self.notifier, self.policy_path)

    def __call__(self) -> None:
        """Take for dead what shows no sign of life, and do what is to be done about it."""
        with self.server.connect() as client:
            leases.set_right(self.engine)
            now = self.server.now(client)  # by which the moments of its states are
            started = border(self.engine, "runs that may be dead")
            started.each(under_way(client), lambda run: run.id, partial(self._look, client, now))
            for run_id in leases.unfinished(self.engine):
                leases.reap(self.engine, run_id)
            # One that ended and cannot say whether its change took effect is looked at once more.
            for run_id in leases.in_doubt(self.engine, self.doubt_seconds):
                leases.reap(self.engine, run_id)
            settle = partial(self._settle, client, now)
            border(self.engine, "runs that died").each(leases.unsettled(self.engine), str, settle)

    def _look(self, client: SyncPrefectClient, now: datetime, run: FlowRun) -> None:
        long_ago = now - timedelta(seconds=self.start_seconds)
        if run.state and run.state.timestamp < long_ago and leases.is_settled(self.engine, run.id):
            # A worker, or a process that was only asleep, has moved it on after its end.
            _end(client, run)
        elif self._silent(now, run) and leases.reap(self.engine, run.id):
            _log.warning("Run %s shows no sign of life: taken for dead.", run.name)

    def _silent(self, now: datetime, run: FlowRun) -> bool:
        """Say whether the run may be dead; the ledger has the last word."""
        if run.state is None or leases.is_reaped(self.engine, run.id):
            return False
        seconds = (now - run.state.timestamp).total_seconds()
        if seconds > self.start_seconds:
            return True
        # A lease from before a suspension says nothing about the process that runs now. Two clocks
        # are at work here, so lengths of time are compared and not moments.
        over = leases.seconds_over(self.engine, run.id)
        return run.state.is_running() and over is not None and over < seconds

    def _settle(self, client: SyncPrefectClient, now: datetime, run_id: UUID) -> None:
        with leases.claim(self.engine, run_id) as claim:
            if claim is None:
                return
            tx, dead = claim
            run = find_run(client, run_id)
            if run is not None and not _is_over(run):
                run = _end(client, run)
            known = account.of_run(self.engine, run_id)
            if known.outcome is not None and not known.in_doubt:
                leases.settle(tx, run_id)
            elif any(act.kind == "change" for act in known.actions):
                self._recover(client, now, tx, dead, known)
            else:
                self._replace(client, tx, dead, run, putting_back=bool(known.actions))

    def _recover(
        self,
        client: SyncPrefectClient,
        now: datetime,
        tx: sa.Connection,
        dead: Lease,
        known: RunRecord,
    ) -> None:
        """Start whoever puts the change back, unless somebody is at it."""
        if dead.successor_id is not None:
            last = find_run(client, dead.successor_id)
            if last is not None and not self._may_try_again(now, last):
                return
        if dead.recoveries >= RECOVERIES:
            plan = known.decisions[0].plan
            run = notices.changed_by(self.engine, dead.run_id, plan.playbook)
            reason = (
                f"Its process died in the middle of its change, and {RECOVERIES} attempts to put"
                " that back failed: a person must look."
            )
            if known.in_doubt:
                reason = (
                    "Whether its change took effect is not known, and could not be seen in"
                    f" {RECOVERIES} attempts to look: a person must look."
                )
            self._accounts.failed(run, plan.target, reason, manual.recover(run.id, known))
            leases.settle(tx, dead.run_id)
            return
        successor = start(
            RECOVER,
            {"run_id": str(dead.run_id)},
            key=f"recover|{dead.run_id}|{dead.recoveries + 1}",
            name=f"{RECOVERS}{known.decisions[0].plan.playbook} {known.decisions[0].plan.target}",
            client=client,
        )
        leases.record_successor(tx, dead, successor, recovery=True)
        metrics.CRASHED_RUNS.labels("recovered").inc()
        what = "does not know its change's effect" if known.in_doubt else "died in its change"
        _log.warning("Run %s %s: run %s.", dead.run_id, what, successor)

    def _may_try_again(self, now: datetime, last: FlowRun) -> bool:
        """Say whether the last recovery is over, and long enough for another one."""
        if not _is_over(last) or last.state is None:
            return False
        pause = timedelta(seconds=self.recovery_pause_seconds)
        return now - last.state.timestamp > pause

    def _replace(
        self,
        client: SyncPrefectClient,
        tx: sa.Connection,
        dead: Lease,
        run: FlowRun | None,
        *,
        putting_back: bool,
    ) -> None:
        """Start the dead run's work anew if that is still wanted; it had changed nothing new."""
        approvals.void(self.engine, dead.run_id, "The run died.")
        changes.drop_unmade(self.engine, dead.run_id)
        leases.settle(tx, dead.run_id)
        taken = takeovers.of_run(self.engine, dead.run_id)
        if taken is not None:
            account_for_dead(self.engine, taken)
            return
        if run is None:
            self._accounts.of_deleted(dead.run_id)
            return
        if run.deployment_id is None:
            return
        deployment = client.read_deployment(run.deployment_id)
        about = Run(
            id=run.id, name=run.name, playbook=deployment.name, incident_id=incident_of(run.tags)
        )
        target = str(run.parameters.get("target", ""))
        if run.state is not None and run.state.is_cancelled():
            self._accounts.cancelled(about, target, putting_back=putting_back)
            return
        dispatch_id = successors.find_open_dispatch(tx, dead.run_id)
        again = (
            manual.start_again(deployment.name, run.parameters, about.incident_id),
            manual.about(run.id, about.incident_id),
        )
        how = _how_it_ended(run)
        died = f"{how} before it had changed anything"
        if putting_back:
            died = f"{how} while it put something back, which the sweep sees to"
        if orders := journal.orders(self.engine, dead.run_id):
            died = f"{died} (what it may have asked of other runs: {', '.join(orders)})"
        if UPKEEP in deployment.tags:
            # What it was to do stands in the ledger, from where another run is started for it.
            self._accounts.failed(about, target, f"{died}.")
        elif dispatch_id is None:
            self._accounts.failed(about, target, f"{died}, and no open incident needs it.", again)
        elif dead.attempt > REPLACEMENTS:
            self._accounts.failed(about, target, f"{died}, as did {REPLACEMENTS} before.", again)
        else:
            successor = start(
                deployment.name,
                run.parameters,
                key=f"{dispatch_id}|attempt {dead.attempt + 1}",
                tags=run.tags,
                client=client,
            )
            leases.record_successor(tx, dead, successor, recovery=False)
            metrics.CRASHED_RUNS.labels("replaced").inc()
            successors.record_successor(tx, dead.run_id, successor)
            self._accounts.failed(about, target, f"{died}: run {successor} replaces it.")


def _end(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    """Bring the dead run to a final state; from Cancelling there is but one."""
    cancelling = run.state is not None and run.state.is_cancelling()
    final: State[Any] = (Cancelled if cancelling else Crashed)(
        message="Its process showed no sign of life."
    )
    answer: OrchestrationResult[Any] = client.set_flow_run_state(run.id, final)
    if answer.status is not SetStateStatus.ACCEPT:
        raise Unavailable(f"Prefect did not end run {run.name}: {answer.status}.")
    return run.model_copy(update={"state": final})


def _how_it_ended(run: FlowRun) -> str:
    """Say how a run ended that gave no account: by a death, or by what Prefect has of it."""
    state = run.state
    if state is None or state.is_crashed():
        return "Its process died"
    if state.name == NOT_RECORDED:
        return "The ledger was away for too long, so it ended"
    return f"It ended in Prefect as {state.name} and gave no account,"


def _is_over(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()
