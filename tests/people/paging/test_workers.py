"""Workers that fall silent, and the ping of a dead man's switch while all is well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.controller.dead_mans_switch import WITHIN_SECONDS, heartbeat
from cct_ops.controller.workers import WorkerMonitor
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.people import heartbeats, pages
from cct_ops.ledger.people.tables import heartbeats as table
from cct_ops.people.notifier import Notifier
from cct_ops.people.watchdog import CONTROLLER, GATEWAY
from cct_ops.sandbox.control import SandboxControl
from cct_ops.settings import Settings
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.controller.wire import Answer, wire
from tests.people.paging.conftest import OwnPool, said


class Pool(OwnPool):
    """A pool whose worker can fall silent."""

    def __init__(self, api: str, database: str, *tags: str) -> None:
        super().__init__(api, *tags)
        self._database = database

    def heartbeat(self, every_seconds: int = 30) -> None:
        """Let a worker give a sign of life, as a worker does."""
        one = {"name": "w", "heartbeat_interval_seconds": every_seconds}
        self.ask("POST", f"{self.path}/workers/heartbeat", one)

    def silent_for(self, seconds: float) -> None:
        """Let that sign be so old, in Prefect's own database: nobody waits for it here."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(
                "update worker set last_heartbeat_time = now() - make_interval(secs => %s)"
                " where work_pool_id = (select id from work_pool where name = %s)",
                (seconds, self.name),
            )

    def pause(self) -> None:
        """Pause the pool."""
        self.ask("PATCH", self.path, {"is_paused": True})


Pools = Callable[..., Pool]


@pytest.fixture
def pools(prefect: str, postgres: EmbeddedPostgres) -> Iterator[Pools]:
    """Makes pools, and takes them away in the end."""
    database = postgres.url("prefect").replace("+psycopg", "")
    with ExitStack() as stack:

        def make(*tags: str) -> Pool:
            pool = Pool(prefect, database, *tags)
            stack.callback(pool.close)
            return pool

        yield make


@pytest.fixture
def pool(pools: Pools) -> Pool:
    """The pool of our playbooks."""
    return pools("playbook")


@pytest.fixture
def monitor(engine: sa.Engine, sandbox: SandboxControl) -> WorkerMonitor:
    """The controller's look, an hour after its start."""
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    return WorkerMonitor(engine, notifier, began=time.monotonic() - 3600)


def notices(sandbox: SandboxControl, pool: Pool) -> list[str]:
    """Return what was said about the pool."""
    return [text for _, text in said(sandbox) if pool.name in text]


def test_a_silence_of_all_workers_is_reported_and_paged_once_and_its_end_reported(
    engine: sa.Engine, pool: Pool, monitor: WorkerMonitor, sandbox: SandboxControl
) -> None:
    """With the exact command; and a second silence anew."""
    nobody = f":rotating_light: Nobody works for the work pool {pool.name}"
    again = f":white_check_mark: The work pool {pool.name} has a worker again"
    pool.heartbeat()
    monitor()
    pool.silent_for(59)
    monitor()
    assert notices(sandbox, pool) == []

    pool.silent_for(61)
    for _ in range(3):
        monitor()
    assert notices(sandbox, pool) == [nobody]
    command = f"cct-ops prefect worker start --pool {pool.name} --type process"
    shown = sandbox.slack_messages()[-1].body["blocks"][0]["text"]["text"]
    assert f"```{command}```" in shown
    (page,) = (each.page for each in pages.newest(engine, 9))
    assert page.subject == f"Silent: the work pool {pool.name} of cct-ops"
    assert command in page.body

    pool.heartbeat()
    for _ in range(2):
        monitor()
    pool.silent_for(70)
    monitor()
    assert notices(sandbox, pool) == [nobody, again, nobody]
    assert len(pages.newest(engine, 9)) == 2


def test_a_pool_that_never_had_a_worker_or_is_paused_or_not_ours_is_left_alone(
    engine: sa.Engine, pools: Pools, monitor: WorkerMonitor, sandbox: SandboxControl
) -> None:
    never, paused, foreign = pools("playbook"), pools("playbook"), pools("else")
    for pool in (paused, foreign):
        pool.heartbeat()
        pool.silent_for(600)
    paused.pause()
    monitor()

    assert [notices(sandbox, pool) for pool in (never, paused, foreign)] == [[], [], []]
    assert pages.newest(engine, 9) == []


def test_a_paused_pool_that_has_to_take_changes_back_needs_its_worker_all_the_same(
    pools: Pools, monitor: WorkerMonitor, sandbox: SandboxControl
) -> None:
    pool = pools("upkeep")
    pool.heartbeat()
    pool.silent_for(600)
    pool.pause()
    monitor()

    assert len(notices(sandbox, pool)) == 1


def test_right_after_the_start_an_old_sign_says_nothing(
    engine: sa.Engine, pool: Pool, monitor: WorkerMonitor, sandbox: SandboxControl
) -> None:
    """The worker of a stack comes up after its controller."""
    pool.heartbeat()
    pool.silent_for(3600)

    WorkerMonitor(engine, monitor.notifier)()
    assert notices(sandbox, pool) == []
    monitor()
    assert len(notices(sandbox, pool)) == 1


def test_a_worker_with_a_slower_pace_is_waited_for(
    pool: Pool, monitor: WorkerMonitor, sandbox: SandboxControl
) -> None:
    pool.heartbeat(every_seconds=120)
    pool.silent_for(200)
    monitor()

    assert notices(sandbox, pool) == []


def test_the_watch_outside_is_called_while_all_parts_are_well_and_only_then(
    engine: sa.Engine, pool: Pool, monitor: WorkerMonitor
) -> None:
    """A gateway that was never heard is not well, nor is a pool without its worker."""
    pool.heartbeat()
    monitor()
    with wire(lambda _: Answer(200)) as outside:
        calls, url = outside.requests, SecretStr(f"{outside.url}/ping/s3cret")
        (job,) = heartbeat(engine, Settings(heartbeat_url=url))
        heartbeats.beat(engine, CONTROLLER)
        job.function()
        assert calls == []

        heartbeats.beat(engine, GATEWAY)
        job.function()
        assert [each.path for each in calls] == ["/ping/s3cret"]

        with engine.begin() as tx:
            worker = table.c.part == heartbeats.worker_of(pool.name)
            tx.execute(sa.update(table).where(worker).values(last_at=in_seconds(-WITHIN_SECONDS)))
        job.function()
        assert len(calls) == 1

        pool.pause()
        monitor()
        job.function()
        assert len(calls) == 2
    with pytest.raises(
        OpsError, match="No answer from the dead man's switch: ConnectError"
    ) as failed:
        job.function()
    assert "s3cret" not in str(failed.value)


def test_an_address_of_a_watch_outside_that_is_none_stops_the_controller(engine: sa.Engine) -> None:
    with pytest.raises(BadConfiguration, match="CCT_OPS_HEARTBEAT_URL is not an http") as refused:
        list(heartbeat(engine, Settings(heartbeat_url=SecretStr("s3cret"))))
    assert "s3cret" not in str(refused.value)
    assert list(heartbeat(engine, Settings())) == []
