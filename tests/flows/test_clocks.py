"""The ledger's clock alone decides what is due, whatever time it is on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Running
from pydantic import SecretStr

from cct_ops.clients.server import seconds_ahead
from cct_ops.config.sources import AlertmanagerSource
from cct_ops.controller import changes as sweeper, clocks
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.controller.jobs import of_senders
from cct_ops.ledger import clock, set_aside
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate import changes, leases
from cct_ops.ledger.people import heartbeats
from cct_ops.models.change import ChangeState
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.postgres import EmbeddedPostgres
from tasks.connections import settings
from tests.flows.upkeep import LOOSER, over, pending, run_of, weakened, woken

pytestmark = pytest.mark.usefixtures("upkeep")

HOUR = 3600


@contextmanager
def ledger_ahead(postgres: EmbeddedPostgres, seconds: int) -> Iterator[SecretStr]:
    """Make a ledger whose clock differs: two functions before PostgreSQL's own say the time."""
    name = f"ledger_{uuid4().hex}"
    admin = postgres.url("postgres").replace("+psycopg", "")
    url = SecretStr(postgres.url(name))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    own = url.get_secret_value().replace("+psycopg", "")
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute("create schema shifted")
        for function in ("clock_timestamp", "statement_timestamp", "now"):
            connection.execute(
                f"create function shifted.{function}() returns timestamptz language sql volatile"
                f" as $$ select pg_catalog.{function}() + interval '{seconds} seconds' $$".encode()
            )
        path = "public, shifted, pg_catalog"
        connection.execute(f"alter database {name} set search_path = {path}".encode())
    migrate(url)
    yield url
    connect(url).dispose()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(params=[HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def shift(request: pytest.FixtureRequest) -> int:
    """How far the ledger's clock is off."""
    return int(request.param)


@pytest.fixture
def ledger_url(postgres: EmbeddedPostgres, shift: int) -> Iterator[SecretStr]:
    """This test's ledger."""
    with ledger_ahead(postgres, shift) as url:
        yield url


def sweep(engine: sa.Engine) -> int:
    """Be the controller's sweep."""
    return sweeper.sweep(engine, settings(), Notifier(engine), grace_seconds=0)


def begins_at(run_id: UUID | None) -> datetime:
    """When Prefect lets a run begin."""
    state = run_of(run_id).state
    assert state is not None
    assert state.state_details.scheduled_time is not None
    return state.state_details.scheduled_time


def test_a_weakening_ends_by_the_ledgers_clock_with_one_scheduled_revert(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    before = sandbox.state().slo_thresholds
    change = weakened(engine, LOOSER)
    left = timedelta(seconds=changes.seconds_left(engine, change.id))
    assert abs(begins_at(change.scheduled_revert_id) - datetime.now(UTC) - left) < timedelta(
        seconds=10
    )

    over(engine, change)
    assert [sweep(engine) for _ in range(3)] == [1, 0, 0]

    (now,) = changes.listed(engine)
    assert (now.scheduled_revert_id, now.scheduled_reverts) == (change.scheduled_revert_id, 1)
    assert begins_at(now.scheduled_revert_id) < datetime.now(UTC)
    woken(engine, change.id)
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
    assert sandbox.state().slo_thresholds == before


def test_a_scheduled_revert_that_was_lost_is_replaced_by_one_that_begins_at_once(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine, LOOSER)
    assert change.scheduled_revert_id is not None
    with get_client(sync_client=True) as client:
        client.delete_flow_run(change.scheduled_revert_id)
    over(engine, change)

    assert [sweep(engine) for _ in range(3)] == [1, 0, 0]

    (now,) = changes.listed(engine)
    assert now.scheduled_revert_id != change.scheduled_revert_id
    assert begins_at(now.scheduled_revert_id) < datetime.now(UTC)


def test_no_run_is_taken_for_dead_because_clocks_differ(engine: sa.Engine) -> None:
    """Neither one that begins just now nor one that shows signs of life."""
    run_ids = [pending("auto-rollback", {}) for _ in range(2)]
    reaper = Reaper(engine, Notifier(engine), settings().policy_path, start_seconds=300)
    with leases.alive(engine, run_ids[1], 60), get_client(sync_client=True) as client:
        running: State[Any] = Running()
        client.set_flow_run_state(run_ids[1], running, force=True)

        reaper()

        assert [leases.is_reaped(engine, each) for each in run_ids] == [False, False]


def test_a_watchdog_that_was_never_heard_has_its_time_from_when_we_were_started(
    engine: sa.Engine,
) -> None:
    given = {
        "kind": "alertmanager",
        "watchdog": {"within_seconds": 120},
        "keys": [{"env": "KEY"}],
        "repeat_interval_seconds": 60,
        "group_interval_seconds": 60,
    }
    source = AlertmanagerSource.model_validate(given)
    (watch,) = (job for job in of_senders(engine, {"am": source}) if job.name == "watchdog of am")

    assert watch.function() is False


@pytest.mark.parametrize(("seconds_ago", "silent"), [(5, False), (300, True)])
def test_workers_are_silent_by_how_long_they_were_not_heard(
    engine: sa.Engine, seconds_ago: int, silent: bool
) -> None:
    """That is what two clocks agree about."""
    part = heartbeats.worker_of("pool")
    heartbeats.record_heard(engine, part, seconds_ago)

    assert heartbeats.silent(engine, (), 120) == ([part] if silent else [])


def test_people_are_notified_once_of_a_clock_that_is_off(
    engine: sa.Engine, shift: int, postgres: EmbeddedPostgres
) -> None:
    way = "ahead of" if shift > 0 else "behind"

    for _ in range(2):
        clocks.look(engine)

    (aside,) = set_aside.listed(engine)
    assert (aside.part, aside.item) == ("clocks", "the ledger")
    assert f"The clock of the ledger is 60 minutes {way} this machine's" in aside.reason


def test_the_clock_that_is_asked_is_the_ledgers(engine: sa.Engine, shift: int) -> None:
    off = clock.read(engine) - datetime.now(UTC)
    assert abs(off.total_seconds() - shift) < 60


@pytest.mark.parametrize(("said", "ahead"), [(3600, 3600), (-3600, -3600), (0, 0), (None, 0)])
def test_prefects_clock_is_read_from_its_answers(said: int | None, ahead: int) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        there = datetime.now(UTC) + timedelta(seconds=said or 0)
        named = {} if said is None else {"Date": format_datetime(there, usegmt=True)}
        return httpx.Response(200, headers=named, json=True)

    wire: dict[str, Any] = {"transport": httpx.MockTransport(answer), "verify": False}
    with SyncPrefectClient("http://prefect/api", httpx_settings=wire) as client:
        assert abs(seconds_ahead(client) - ahead) < 60
