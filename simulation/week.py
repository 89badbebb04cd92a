"""Both ways of meeting the same week, each in a database of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops import policy
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.schema import actions, decisions, permits, resolutions
from cct_ops.models.autonomy import AutonomySettings
from cct_ops.models.maintenance import Window
from cct_ops.models.mode import Mode
from cct_ops.policy import PlaybookPolicy
from cct_ops.stack.postgres import EmbeddedPostgres
from simulation.clock import VirtualClock
from simulation.days import Days
from simulation.guarded import Guarded
from simulation.people import People
from simulation.scenario import START, Firing, Kind, firings
from simulation.unguarded import Unguarded
from simulation.world import World

UNLISTED = "/steady-19"
SUNDAY_NIGHT = Window(name="the weekly move", days=("sun",), start="02:00", end="06:00")


@dataclass(frozen=True)
class Tally:
    """What came of the week in one way of meeting it."""

    attempts: int
    changes: int
    restores: int
    fixed: int
    stopped_writes: int
    blocked: Counter[str]
    outcomes: Counter[str]
    overdue: int
    concurrent: int
    unpermitted: int


@dataclass(frozen=True)
class Week:
    """The same week twice."""

    days: float
    alerts: int
    targets: int
    without: Tally
    guarded: Tally


def simulate(server: EmbeddedPostgres, policy_path: Path, *, days: float, seed: int) -> Week:
    """Let the week happen with the guards of this policy, and without any."""
    week = firings(days, seed)
    known = policy.read(policy_path).model_copy(
        update={
            "maintenance": (SUNDAY_NIGHT,),
            "autonomy": AutonomySettings(classes={kind: (f"/{kind}-*",) for kind in Kind}),
        }
    )
    # One target too many fails: the policy never listed it.
    listed = {
        kind.value: PlaybookPolicy(
            ceiling=Mode.AUTO,
            targets=tuple(sorted({each.target for each in week if each.kind is kind} - {UNLISTED})),
        )
        for kind in Kind
    }

    return Week(
        days=days,
        alerts=len(week),
        targets=len({each.target for each in week}),
        without=_without(week, days),
        guarded=_with_guards(server, week, days, known, listed),
    )


def _without(week: list[Firing], days: float) -> Tally:
    world, course = World(), Days(START, lambda _: None)
    unguarded = Unguarded(world, course)
    for firing in week:
        course.begin(firing.at, unguarded.begin(firing))
    course.run(START + timedelta(days=days))
    return _tally(world, course)


def _with_guards(
    server: EmbeddedPostgres,
    week: list[Firing],
    days: float,
    known: policy.Policy,
    listed: dict[str, PlaybookPolicy],
) -> Tally:
    database = f"week_{uuid4().hex}"
    with psycopg.connect(_plain(server.url("postgres")), autocommit=True) as admin:
        admin.execute(f"create database {database}".encode())
    clock = VirtualClock.install(_plain(server.url(database)))
    clock.move(START)
    url = SecretStr(server.url(database))
    migrate(url)
    connect(url).dispose()
    engine = sa.create_engine(server.url(database))
    world, course = World(), Days(START, clock.move)
    guarded = Guarded(engine, world, course, known, listed)
    People(guarded, week).begin()
    for firing in week:
        course.begin(firing.at, guarded.begin(firing))
    try:
        course.run(START + timedelta(days=days))
        return _tally(world, course, engine)
    finally:
        engine.dispose()
        clock.connection.close()


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _tally(world: World, course: Days, engine: sa.Engine | None = None) -> Tally:
    blocked, outcomes, journalled = _record(engine) if engine else (Counter(), Counter(), 0)
    return Tally(
        attempts=world.attempts,
        changes=world.changes,
        restores=world.restores,
        fixed=world.fixed,
        stopped_writes=world.stopped_writes,
        blocked=blocked,
        outcomes=outcomes,
        overdue=world.overdue(course.now),
        concurrent=world.concurrent,
        unpermitted=max(world.unpermitted, world.changes + world.restores - journalled),
    )


def _record(engine: sa.Engine) -> tuple[Counter[str], Counter[str], int]:
    """Count refusals and outcomes, and the journalled calls that lie within their permits."""
    count = sa.func.count()
    blocked = sa.select(decisions.c.guard, count).where(decisions.c.guard.is_not(None))
    outcomes = sa.select(resolutions.c.outcome, count).group_by(resolutions.c.outcome)
    journalled = sa.select(count).select_from(
        actions.join(permits, permits.c.id == actions.c.permit_id)
    )
    in_time = actions.c.intended_at.between(permits.c.issued_at, permits.c.expires_at)
    with engine.connect() as connection:
        return (
            Counter(
                {row[0]: row[1] for row in connection.execute(blocked.group_by(decisions.c.guard))}
            ),
            Counter({row[0]: row[1] for row in connection.execute(outcomes)}),
            connection.execute(journalled.where(in_time)).scalar_one(),
        )
