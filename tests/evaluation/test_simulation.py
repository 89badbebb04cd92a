"""The simulated week: on a clock that jumps, through the real ledger, and it can fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from rich.console import Console

from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate import locks
from cct_ops.ledger.gate.permits import Checker
from cct_ops.ledger.gate.tables import actions
from cct_ops.models.plan import Call
from cct_ops.models.run import Run
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation import audit
from evaluation.simulation.clock import VirtualClock
from evaluation.simulation.plans import plan_for
from evaluation.simulation.scenario import HOUR, START, firings
from evaluation.simulation.scheduler import Activity, Scheduler
from evaluation.simulation.table import show
from evaluation.simulation.week import Tally, Week, simulate
from evaluation.simulation.world import LATE, World, Written
from tests.conftest import ROOT
from tests.ledger.history import permitted

SEED, DAYS = 64, 0.13
POLICY = ROOT / "deployments" / "policy.yaml"


def test_a_morning_with_and_without_guards(postgres: EmbeddedPostgres) -> None:
    week = simulate(postgres, POLICY, days=DAYS, seed=SEED)
    guarded, without = week.guarded, week.without

    assert show(week, Console(record=True, width=100), seconds=1) == 0
    assert (guarded.overdue, guarded.concurrent, guarded.unpermitted) == (0, 0, 0)
    assert guarded.overwritten == 0
    assert guarded.changes > 0
    assert guarded.mishaps > 0
    assert guarded.ends["reverted"] > 0
    assert guarded.blocked.total() > 0
    assert guarded.outcomes["Expired"] > 0
    assert without.changes > guarded.changes
    assert without.overdue > 0
    assert without.concurrent > 0
    assert without.unpermitted == without.changes + without.restores


def test_without_the_sweep_of_temporary_changes_the_same_morning_fails(
    postgres: EmbeddedPostgres,
) -> None:
    week = simulate(postgres, POLICY, days=DAYS, seed=SEED, sweeps_changes=False)
    console = Console(record=True, width=100)

    assert week.guarded.overdue > 0
    assert show(week, console, seconds=1) == 1
    assert "FAILED, overdue temporary changes" in console.export_text()


def test_the_same_seed_is_the_same_week() -> None:
    assert firings(7, seed=5) == firings(7, seed=5)
    assert firings(7, seed=5) != firings(7, seed=6)
    assert len(firings(7, seed=1)) > 2000


@pytest.mark.parametrize("broken", ["overdue", "concurrent", "unpermitted", "overwritten"])
def test_what_must_be_zero_and_is_not_fails_the_simulation(broken: str) -> None:
    console = Console(record=True, width=200)
    good = Week(days=7, alerts=1, targets=1, without=Tally(), guarded=Tally())
    assert show(good, console, seconds=1) == 0
    assert console.export_text().splitlines()[-1] == (
        "0 actions with guards, 0 without; 0 blocked; 0 overdue, 0 concurrent, 0 unpermitted,"
        " 0 overwritten with guards; took 1 s: passed"
    )

    bad = replace(good, guarded=replace(Tally(), **{broken: 1}))  # type: ignore[arg-type]

    assert show(bad, console, seconds=1) == 1
    assert "FAILED" in console.export_text()


def test_a_change_that_nobody_wanted_fails_the_simulation_by_its_name() -> None:
    console = Console(record=True, width=200)
    unwanted = Tally(unwanted=Counter({"changes against orders": 2}))
    week = Week(days=7, alerts=1, targets=1, without=Tally(), guarded=unwanted)

    assert show(week, console, seconds=1) == 1
    assert "FAILED, changes against orders" in console.export_text()


def test_the_ledger_lives_by_the_virtual_clock(postgres: EmbeddedPostgres) -> None:
    name = f"clock_{uuid4().hex}"
    with psycopg.connect(
        postgres.url("postgres").replace("+psycopg", ""), autocommit=True
    ) as admin:
        admin.execute(f"create database {name}".encode())
    clock = VirtualClock.install(postgres.url(name).replace("+psycopg", ""))
    url = SecretStr(postgres.url(name))
    clock.move(START)
    migrate(url)
    engine = connect(url)
    first = uuid4()

    assert locks.acquire(engine, "/x", first, seconds=60) is not None
    assert locks.holder(engine, "/x") == (first, START + timedelta(seconds=60))
    assert locks.acquire(engine, "/x", uuid4(), seconds=60) is None
    clock.move(START + timedelta(seconds=61))
    assert locks.acquire(engine, "/x", uuid4(), seconds=60) is not None
    with engine.begin() as tx:  # what columns take when nobody gives them a value
        tx.execute(sa.text("insert into switches (stopped, reason, person) values (true, '', '')"))
        assert tx.execute(sa.text("select at from switches")).scalar_one() == START + timedelta(
            seconds=61
        )
    engine.dispose()
    clock.connection.close()


def test_the_world_sees_two_at_one_target() -> None:
    """A tally that could not count would pass every week."""
    world, one, other = World(), uuid4(), uuid4()

    write(world, one, "drain")
    write(world, one, "switch")
    write(world, other, "drain", target="/y")
    assert world.concurrent == 0
    write(world, other, "switch")  # while the first one watches what it did
    assert world.concurrent == 1
    world.done("/x", one)
    write(world, other, "fill")
    assert world.concurrent == 1


def test_the_world_sees_who_goes_on_after_another_was_there() -> None:
    world, sleeper, other = World(), uuid4(), uuid4()

    write(world, sleeper, "drain")
    world.falls_asleep("/x", sleeper)
    write(world, other, "fill")
    world.done("/x", other)
    assert world.concurrent == 0
    write(world, sleeper, "switch")
    assert world.concurrent == 1


def test_the_world_sees_what_stays_too_long() -> None:
    world, run = World(), uuid4()
    ends = START + HOUR

    write(world, run, "weaken")
    assert world.overdue(ends + LATE) == 0
    assert world.overdue(ends + LATE * 2) == 1
    world.write(ends, run, "/x", call("restore"), lasts=None)
    assert world.overdue(ends + LATE * 2) == 0


def test_the_world_sees_who_puts_back_what_a_person_has_set() -> None:
    world, run = World(), uuid4()

    world.by_hand(START, "/x")
    assert world.shows("/x", call("restore"))  # nothing was weak, so there was nothing to set
    write(world, run, "weaken")
    world.by_hand(START, "/x")
    assert world.overdue(START + 9 * HOUR) == 0  # what a person wants is for that person to end
    assert world.overwritten == 0
    write(world, run, "restore")
    assert world.overwritten == 1


@pytest.mark.parametrize("forged", ["nothing", "another run", "another call", "another moment"])
def test_what_arrived_without_a_permit_is_found_in_the_ledger(
    engine: sa.Engine, forged: str
) -> None:
    run = Run(id=uuid4(), name="run", playbook="steady", incident_id=None)
    plan = plan_for(firings(1, seed=SEED)[0])
    permit = permitted(engine, run, plan)
    with Checker(engine, run.id).check(permit, plan.calls[0]):
        pass
    with engine.connect() as connection:
        at = connection.execute(
            sa.select(actions.c.intended_at).where(actions.c.permit_id == permit.id)
        ).scalar_one()
    real = Written(at, run.id, plan.target, plan.calls[0])
    arrived = {
        "nothing": real,
        "another run": real._replace(run_id=uuid4()),
        "another call": real._replace(call=call("fill")),
        "another moment": real._replace(at=at + timedelta(microseconds=1)),
    }[forged]

    assert audit.unpermitted(engine, [arrived]) == (0 if forged == "nothing" else 1)
    assert audit.unpermitted(engine, [real, real]) == 1  # one row is for one write


def write(world: World, run_id: UUID, method: str, *, target: str = "/x") -> None:
    """Let a write arrive at the beginning of the week."""
    world.write(START, run_id, target, call(method), lasts=HOUR)


def call(method: str) -> Call:
    """A call of the week's plans."""
    return Call(method=method, arguments={"target": "/x"})


def test_activities_go_on_in_order_of_time() -> None:
    seen: list[tuple[str, datetime]] = []

    def activity(name: str, pause: timedelta) -> Activity:
        for _ in range(2):
            seen.append((name, scheduler.now))
            yield pause

    minute = timedelta(minutes=1)
    scheduler = Scheduler(START, lambda _: None)
    scheduler.begin(START, activity("slow", 3 * minute))
    scheduler.begin(START + minute, activity("quick", minute))
    scheduler.run(START + 10 * minute)

    assert seen == [
        ("slow", START),
        ("quick", START + minute),
        ("quick", START + 2 * minute),
        ("slow", START + 3 * minute),
    ]
