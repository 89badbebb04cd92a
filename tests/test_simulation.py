"""The simulated week: on a clock that jumps, through the real ledger, and it can fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from rich.console import Console

from cct_ops.ledger import locks
from cct_ops.ledger.engine import connect, migrate
from cct_ops.stack.postgres import EmbeddedPostgres
from simulation.clock import VirtualClock
from simulation.days import Course, Days
from simulation.scenario import START, firings
from simulation.table import show
from simulation.week import Tally, Week, simulate
from simulation.world import LATE, Temporary, World
from tests.conftest import ROOT

NOTHING = Tally(
    attempts=0,
    changes=0,
    restores=0,
    fixed=0,
    stopped_writes=0,
    blocked=Counter(),
    outcomes=Counter(),
    overdue=0,
    concurrent=0,
    unpermitted=0,
)


def test_a_morning_with_and_without_guards(postgres: EmbeddedPostgres) -> None:
    week = simulate(postgres, ROOT / "deployments" / "policy.yaml", days=0.2, seed=3)

    assert (week.guarded.overdue, week.guarded.concurrent, week.guarded.unpermitted) == (0, 0, 0)
    assert week.guarded.changes > 0
    assert sum(week.guarded.blocked.values()) > 0
    assert week.without.changes > week.guarded.changes
    assert week.without.concurrent > 0
    assert week.without.unpermitted == week.without.changes


def test_the_same_seed_is_the_same_week() -> None:
    assert firings(7, seed=5) == firings(7, seed=5)
    assert firings(7, seed=5) != firings(7, seed=6)
    assert len(firings(7, seed=1)) > 2000


@pytest.mark.parametrize("broken", ["overdue", "concurrent", "unpermitted"])
def test_what_must_be_zero_and_is_not_fails_the_simulation(broken: str) -> None:
    console = Console(record=True, width=200)
    good = Week(days=7, alerts=1, targets=1, without=NOTHING, guarded=NOTHING)
    assert show(good, console, seconds=1) == 0
    assert "passed" in console.export_text()

    bad = replace(good, guarded=replace(NOTHING, **{broken: 1}))  # type: ignore[arg-type]

    assert show(bad, console, seconds=1) == 1
    assert "FAILED" in console.export_text()


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


def test_the_world_sees_what_must_not_be() -> None:
    """A tally that could not count would pass every week."""
    world, now = World(), datetime(2026, 3, 2, tzinfo=UTC)
    one, other = uuid4(), uuid4()

    world.write(now, "/x", one, until=now + timedelta(minutes=9), permitted=True)
    world.write(now, "/x", one, until=now + timedelta(minutes=9), permitted=True)
    world.write(now, "/y", other, until=now + timedelta(minutes=9), permitted=True)
    assert (world.concurrent, world.unpermitted) == (0, 0)
    world.write(now, "/x", other, until=now, permitted=False)
    assert (world.concurrent, world.unpermitted) == (1, 1)
    world.done("/x", one)
    world.write(now, "/x", other, until=now, permitted=True)
    assert world.concurrent == 1

    world.temporary.append(Temporary(due_at=now))
    assert world.overdue(now + LATE) == 0
    assert world.overdue(now + LATE * 2) == 1
    world.temporary[0].reverted_at = now
    assert world.overdue(now + LATE * 2) == 0


def test_courses_go_on_in_order_of_time() -> None:
    seen: list[tuple[str, datetime]] = []

    def course(name: str, pause: timedelta) -> Course:
        for _ in range(2):
            seen.append((name, days.now))
            yield pause

    minute = timedelta(minutes=1)
    days = Days(START, lambda _: None)
    days.begin(START, course("slow", 3 * minute))
    days.begin(START + minute, course("quick", minute))
    days.run(START + 10 * minute)

    assert seen == [
        ("slow", START),
        ("quick", START + minute),
        ("quick", START + 2 * minute),
        ("slow", START + 3 * minute),
    ]
