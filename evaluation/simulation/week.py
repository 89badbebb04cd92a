"""Both ways of meeting the same week, each in a world of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.config import policy
from cct_ops.config.policy import PlaybookPolicy
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.models.autonomy import AutonomySettings
from cct_ops.models.run import RECOVER, Mode, Outcome
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation import audit
from evaluation.simulation.clock import VirtualClock
from evaluation.simulation.guarded import Guarded, guarded_by
from evaluation.simulation.people import People
from evaluation.simulation.scenario import BEHAVIOUR, ORDERS, START, Firing, Kind, firings
from evaluation.simulation.scheduler import Activity, Scheduler
from evaluation.simulation.staged import staged
from evaluation.simulation.unguarded import Unguarded
from evaluation.simulation.world import World

DAY = timedelta(days=1)
AFTERMATH = DAY
"""What becomes of an event is seen in less."""


@dataclass(frozen=True)
class Tally:
    """The counts of the week in one way of meeting it; the last five must be 0 with the guards."""

    attempts: int = 0
    changes: int = 0
    restores: int = 0
    fixed: int = 0
    weakenings: int = 0
    mishaps: int = 0
    recovered: int = 0
    stopped_writes: int = 0
    pages: int = 0
    blocked: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    overdue: int = 0
    concurrent: int = 0
    unpermitted: int = 0
    overwritten: int = 0
    unwanted: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Week:
    """The same week twice."""

    days: float
    alerts: int
    targets: int
    without: Tally
    guarded: Tally


def events(days: float, seed: int, *, by_chance: bool) -> list[Firing]:
    """Return all that is to happen, in order of time; its place in the list is its number."""
    end = START + timedelta(days=days)
    found = [each for each in staged() if each.at < end]
    found += firings(days, seed) if by_chance else []
    return sorted(found, key=lambda each: each.at)


def simulate(
    server: EmbeddedPostgres,
    policy_path: Path,
    *,
    days: float,
    seed: int,
    only: Sequence[int] | None = None,
    sweeps_changes: bool = True,
    by_chance: bool = True,
) -> Week:
    """
    Let the week happen with the guards of this policy, and without any.

    With ``only`` it has these of its events alone, by their numbers, and ends a day after the last.
    Without ``sweeps_changes`` nobody looks after the reverts that were lost or died. Not
    ``by_chance``, there are only the situations that are set up one by one.
    """
    week = events(days, seed, by_chance=by_chance)
    listed = {kind: {each.target for each in week if each.kind is kind} for kind in Kind}
    if only is not None:
        week = [week[number] for number in only]
        days = min(days, (week[-1].at - START + AFTERMATH) / DAY)
    known = policy.read(policy_path).model_copy(
        update={
            "maintenance": ORDERS.windows,
            "autonomy": AutonomySettings(classes={kind: (f"/{kind}-*",) for kind in BEHAVIOUR}),
            "playbooks": {
                kind.value: PlaybookPolicy(
                    ceiling=Mode.OBSERVE if kind is Kind.WATCHED else Mode.AUTO,
                    targets=tuple(sorted(listed[kind] - ORDERS.unlisted)),
                )
                for kind in Kind
            },
        }
    )
    scheduler = Scheduler(START, lambda _: None)
    with _ledger(server) as (engine, clock):
        guarded_scheduler = Scheduler(START, clock.move)
        with guarded_by(
            engine, guarded_scheduler, known, policy_path, sweeps_changes=sweeps_changes
        ) as guarded:
            People(guarded, week).begin()
            _let_happen(week, days, guarded_scheduler, guarded.begin)
            met = _with_guards(engine, guarded)
    unguarded = Unguarded(World(), scheduler)
    _let_happen(week, days, scheduler, unguarded.begin)
    return Week(
        days=days,
        alerts=len(week),
        targets=len({each.target for each in week}),
        without=replace(
            _of_world(unguarded.world, scheduler.now),
            attempts=unguarded.attempts,
            fixed=unguarded.fixed,
            mishaps=unguarded.mishaps,
            unpermitted=audit.unpermitted(None, unguarded.world.written),
        ),
        guarded=met,
    )


def _let_happen(
    week: list[Firing], days: float, scheduler: Scheduler, begin: Callable[[Firing], Activity]
) -> None:
    for firing in week:
        scheduler.begin(firing.at, begin(firing))
    scheduler.run(START + timedelta(days=days))


@contextmanager
def _ledger(server: EmbeddedPostgres) -> Iterator[tuple[sa.Engine, VirtualClock]]:
    """Make a ledger of its own, that lives by the clock of the simulation."""
    database = f"week_{uuid4().hex}"
    with psycopg.connect(_plain(server.url("postgres")), autocommit=True) as admin:
        admin.execute(f"create database {database}".encode())
    clock = VirtualClock.install(_plain(server.url(database)))
    clock.move(START)
    url = SecretStr(server.url(database))
    migrate(url)
    connect(url).dispose()
    engine = sa.create_engine(server.url(database))
    try:
        yield engine, clock
    finally:
        engine.dispose()
        clock.connection.close()


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _of_world(world: World, now: datetime) -> Tally:
    """Count what really happened."""
    lasting = sum(each.lasting for each in world.written)
    return Tally(
        changes=lasting,
        restores=len(world.written) - lasting,
        weakenings=len(world.weakenings),
        overdue=world.overdue(now),
        concurrent=world.concurrent,
        overwritten=world.overwritten,
    )


def _with_guards(engine: sa.Engine, guarded: Guarded) -> Tally:
    count = sa.func.count()
    ended = {
        "blocked": sa.select(decisions.c.guard, count)
        .where(decisions.c.guard.is_not(None))
        .group_by(decisions.c.guard),
        "outcomes": sa.select(resolutions.c.outcome, count)
        .where(resolutions.c.playbook.in_(Kind))
        .group_by(resolutions.c.outcome),
        "ends": sa.select(temporary_changes.c.state, count).group_by(temporary_changes.c.state),
    }
    with engine.connect() as connection:
        found = {
            name: Counter(dict(map(tuple, connection.execute(query))))
            for name, query in ended.items()
        }
    worker = guarded.worker
    world, now = worker.world, worker.scheduler.now
    people = audit.People(
        worker.policy.guards,
        guarded.by_run,
        guarded.of_people,
        worker.answering.said_yes,
        guarded.incidents,
    )
    return replace(
        _of_world(world, now),
        attempts=worker.attempts,
        fixed=found["outcomes"][Outcome.RESOLVED],
        mishaps=worker.mishaps,
        recovered=guarded.server.completed(RECOVER),
        stopped_writes=worker.stopped_writes,
        pages=len(guarded.pages),
        blocked=found["blocked"],
        outcomes=found["outcomes"],
        ends=found["ends"],
        unpermitted=audit.unpermitted(engine, world.written),
        unwanted=people.unwanted(world.written) + world.unwanted(now),
    )
