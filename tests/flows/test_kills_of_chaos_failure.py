"""
Who stops an experiment may die anywhere as well: its fault is removed once, a retest starts once.

What has to be stopped is an experiment whose own process died or sleeps with its fault in effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect import tags

from cct_ops.controller import changes as sweeper
from cct_ops.diagnoses.experiment import TARGET
from cct_ops.ledger.gate import changes, locks
from cct_ops.ledger.gate.tables import permits
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.change import ChangeState
from cct_ops.models.run import Outcome, incident_tag
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import truths
from flows.chaos_failure import chaos_failure
from tasks.connections import settings
from tests.flows.crash_harness import EVERY_CRASH_POINT, CrashHarness, crash_harness, killed_at
from tests.flows.kill_triggers import CHANGES, CONFIRMED, INTENDED, On, Trigger
from tests.flows.reaping import reap, recovery_of
from tests.flows.run_assertions import final
from tests.flows.upkeep import deployed, pending, run_of, woken
from tests.ledger.alerts import opened
from tests.stack.polling import eventually

pytestmark = pytest.mark.usefixtures("upkeep")

EXPERIMENT, STOPPER = "chaos-experiment", "chaos-failure"
ORDERS = "INSERT INTO journal_entries"
NEVER = Trigger(statement="no such statement")
# It strikes what no playbook looks at.
BRIEF = {"chaos": "fred-outage", "minutes": 0.02, "mode": "auto"}
ONCE = ["POST chaos/faults", "DELETE chaos/faults"]


@dataclass(frozen=True)
class CrashPoint:
    """Where it dies, or only sleeps; how many retests and notices there are."""

    at: str
    trigger: Trigger
    retests: int = 0
    notices: int = 1
    sleeps: bool = False
    late: int = 0  # removals that are sent although they were made meanwhile

    def __str__(self) -> str:
        """Name the test."""
        return self.at


# In the order in which it passes them; the experiment's own run stands for the braces.
CRASH_POINTS = [
    CrashPoint("about to cancel", Trigger(statement=ORDERS)),
    CrashPoint("cancelled", Trigger(On.ORDER, "{}/set_state")),
    CrashPoint("locked", Trigger(statement="INSERT INTO target_locks")),
    CrashPoint("begun", Trigger(statement=CHANGES)),
    CrashPoint("permitted", Trigger(statement="INSERT INTO permits")),
    CrashPoint("intended, not sent", Trigger(statement=INTENDED)),
    CrashPoint("intended, asleep", Trigger(statement=INTENDED), sleeps=True, late=1),
    CrashPoint("applied, not answered", Trigger(On.SILENCE)),
    CrashPoint("answered, not confirmed", Trigger(On.ANSWER)),
    CrashPoint("confirmed", Trigger(statement=CONFIRMED)),
    CrashPoint("confirmed, asleep", Trigger(statement=CONFIRMED), sleeps=True),
    CrashPoint("during the last look", Trigger(On.LOOK)),
    CrashPoint("ended", Trigger(statement=CHANGES, nth=3)),
    CrashPoint("ended, asleep", Trigger(statement=CHANGES, nth=3), sleeps=True),
    CrashPoint("released", Trigger(statement="DELETE FROM target_locks")),
    CrashPoint("about to test again", Trigger(statement=ORDERS, nth=2)),
    CrashPoint("testing again", Trigger(On.ORDER, "/create_flow_run"), retests=1),
    CrashPoint("notified, no account", Trigger(On.NOTICE), retests=1, notices=2),
    CrashPoint("concluded", Trigger(statement="INSERT INTO resolutions"), retests=1),
]
TELLING = {"cancelled", "confirmed", "testing again"}
CHOSEN = [each for each in CRASH_POINTS if EVERY_CRASH_POINT or each.at in TELLING]


@pytest.fixture
def env(short_lease: dict[str, str]) -> dict[str, str]:
    """An experiment's faults are overdue as soon as its process shows no sign of life."""
    return short_lease | {"CCT_OPS_FAULT_LEASE_SECONDS": "0.5"}


def killed_experiment(sandbox: SandboxControl, harness: CrashHarness, env: dict[str, str]) -> UUID:
    """Let an experiment die with its fault in effect; returns its run."""
    experiment = pending(EXPERIMENT, BRIEF)
    killed_at(Trigger(On.LOOK), EXPERIMENT, experiment, sandbox, harness, env)
    assert truths.writes(sandbox) == ONCE[:1]
    return experiment


def overdue(engine: sa.Engine) -> None:
    """Be the controller's sweep and the worker that picks up the revert, if one is due."""
    notifier = Notifier.of(engine, settings())
    eventually(lambda: [each.id for each in changes.listed(engine)] == changes.overdue(engine, 0))
    sweeper.sweep(engine, settings(), notifier, grace_seconds=0)
    for change in changes.overdue(engine, 0):
        woken(engine, change)
    assert sweeper.sweep(engine, settings(), notifier, grace_seconds=0) == 0


def retests(run_id: UUID) -> int:
    """How many experiments were started for this run."""
    runs = deployed(EXPERIMENT).runs()
    return sum(str(each["idempotency_key"]).startswith(f"retest|{run_id}|") for each in runs)


def all_is_over(engine: sa.Engine, sandbox: SandboxControl, *run_ids: UUID) -> None:
    """No fault is in effect, nothing is open in the ledger, and every run has one account."""
    assert sandbox.state().chaos_faults == ()
    assert {each.state for each in changes.listed(engine, ended=True)} == {ChangeState.REVERTED}
    with engine.connect() as connection:
        still = connection.execute(sa.select(permits).where(permits.c.closed_at.is_(None)))
        assert still.all() == []
        accounts = connection.execute(sa.select(resolutions.c.run_id)).scalars().all()
    for run_id in run_ids:
        assert accounts.count(run_id) == 1
        state = run_of(run_id).state
        assert state is not None
        assert state.is_final()
    assert locks.acquire(engine, TARGET, uuid4(), seconds=60) is not None


@pytest.mark.parametrize("recovers_first", [False, True][: 1 + EVERY_CRASH_POINT])
@pytest.mark.parametrize("point", CHOSEN, ids=str)
def test_a_killed_stop_is_made_once(
    point: CrashPoint,
    recovers_first: bool,
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
) -> None:
    """The sweep of changes and the recovery of the experiment see to what it left, in any order."""
    experiment = killed_experiment(sandbox, harness, env)
    run_id = pending(STOPPER, {"retest": "run", "mode": "auto"})
    trigger = replace(point.trigger, statement=point.trigger.statement.format(experiment))
    pid = killed_at(trigger, STOPPER, run_id, sandbox, harness, env, sleeps=point.sleeps)

    assert reap(engine, run_id) is None
    if recovers_first:
        recovery_of(engine, experiment)
    overdue(engine)
    if not recovers_first:
        recovery_of(engine, experiment)
    if point.sleeps:
        os.kill(pid, signal.SIGCONT)
        assert harness.end() == "exited"
    reap(engine, experiment)  # whoever looks later finds nothing to do

    assert truths.writes(sandbox) == ONCE + ONCE[1:] * point.late
    assert retests(run_id) == point.retests
    all_is_over(engine, sandbox, experiment, run_id)
    assert account.of_run(engine, experiment).outcome is Outcome.UNDONE
    said = [str(each.body) for each in sandbox.slack_messages() if STOPPER in str(each.body)]
    assert len(said) == point.notices, said
    accounted_for(engine, run_id, point, run_of(experiment).name)


def accounted_for(engine: sa.Engine, run_id: UUID, point: CrashPoint, experiment: str) -> None:
    """Its account is its own, or says what it had begun, also where no permit has a trace of it."""
    known = account.of_run(engine, run_id)
    if point.at == "concluded":
        assert known.outcome is Outcome.RESOLVED
        return
    assert known.outcome is Outcome.FAILED
    reason = known.reason or ""
    assert f"cancel run {experiment}" in reason
    assert ("before it had changed anything" in reason) == (not known.actions)
    assert ("start chaos-experiment with" in reason) == (
        point.retests == 1 or point.at == "about to test again"
    )


def test_what_is_done_anew_for_an_incident_tests_again_once(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """A run that died is replaced by another, which knows of the test that was started."""
    killed_experiment(sandbox, harness, env)
    incident = opened(engine)
    asked = {"retest": "run", "mode": "auto"}
    run_id = pending(STOPPER, asked, tags=[incident_tag(incident)])
    killed_at(Trigger(On.ORDER, "/create_flow_run"), STOPPER, run_id, sandbox, harness, env)

    reap(engine, run_id)
    with tags(incident_tag(incident)):
        again = final(chaos_failure, **asked)

    assert again.is_completed(), again.message
    assert retests(incident) == 1
    assert truths.writes(sandbox) == ONCE


@pytest.fixture
def another(prefect_api_url: str) -> Iterator[CrashHarness]:
    """A second process whose children die."""
    with crash_harness(prefect_api_url) as parent:
        yield parent


@pytest.mark.parametrize("asleep", [True, False][: 1 + EVERY_CRASH_POINT])
def test_an_experiment_that_lives_is_stopped_once(
    asleep: bool,
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    another: CrashHarness,
    short_lease: dict[str, str],
) -> None:
    """Cancelled by who then dies, it takes its fault back; asleep, it wakes up locked out."""
    experiment = pending(EXPERIMENT, BRIEF | {"minutes": 10})
    run_id = pending(STOPPER, {"mode": "auto"})
    if asleep:
        pid = killed_at(
            Trigger(On.LOOK), EXPERIMENT, experiment, sandbox, another, short_lease, sleeps=True
        )
        harness.start_run(short_lease, STOPPER, run_id, NEVER)
        assert harness.end() == "exited"
        recovery_of(engine, experiment)
        os.kill(pid, signal.SIGCONT)
    else:
        pid = another.start_run(short_lease, EXPERIMENT, experiment, NEVER)
        eventually(lambda: truths.writes(sandbox) == ONCE[:1], seconds=60)
        cancelled = Trigger(On.ORDER, f"{experiment}/set_state")
        killed_at(cancelled, STOPPER, run_id, sandbox, harness, short_lease)
        reap(engine, run_id)
        os.kill(pid, signal.SIGTERM)  # as the worker does with what is being cancelled
    another.end()

    assert truths.writes(sandbox) == ONCE
    all_is_over(engine, sandbox, experiment, run_id)
    assert account.of_run(engine, experiment).outcome is Outcome.UNDONE
