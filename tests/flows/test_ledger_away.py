"""A ledger that is stopped for longer than a run waits for it: the run ends, and none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from cct_ops.clients.server import CONFIGURED
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.controller.lost_ends import LostEnds
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate import owed_accounts
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.models.run import NOT_RECORDED, Outcome, incident_tag
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from tasks.connections import settings
from tests.controller.crash_harness import dispatched
from tests.controller.wire import Answer, Request, wire
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.flows.test_auto_rollback import pull
from tests.flows.upkeep import ROUTE, run_of
from tests.ledger.alerts import opened
from tests.stack.polling import eventually

PLAYBOOK = "auto-rollback"
LOOKED_AT = "/api/v1/canary/status"
HELD_MS = 3000.0


class Server:
    """A PostgreSQL of this module's own, which is stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder, port=free_port())
        self._up = ExitStack()

    def start(self) -> None:
        """Serve."""
        self._up.enter_context(self._server)

    def stop(self) -> None:
        """Disconnect everybody, and take no connection until it is started again."""
        self._up.close()

    @property
    def url(self) -> SecretStr:
        """Where its ledger is."""
        return SecretStr(self._server.url("cct_ops"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with a ledger."""
    server = Server(tmp_path_factory.mktemp("postgres"))
    server.start()
    migrate(server.url)
    yield server
    connect(server.url).dispose()
    server.stop()


@pytest.fixture
def ledger_url(server: Server) -> SecretStr:
    """The ledger in it, in place of one on the server that all tests share."""
    return server.url


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, playbook_environment: None) -> None:
    """Runs wait for the ledger for half a second and not for a minute, and live as long."""
    monkeypatch.setattr("tasks.attempts.PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "0.5")
    monkeypatch.setenv("CCT_OPS_REQUEST_TIMEOUT_SECONDS", "60")
    settings.cache_clear()


@pytest.mark.parametrize("phase", ["beginning", "looking", "reporting"])
def test_a_run_that_only_looked_is_done_again_by_one_other(
    phase: str,
    server: Server,
    engine: sa.Engine,
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pull(sandbox)
    incident = opened(engine)
    with deployment_run(
        engine, PLAYBOOK, [incident_tag(incident)], target=ROUTE, mode="observe"
    ) as run:
        dispatched(engine, run.run_id, incident)
        owed_accounts.record(engine, (), (), CONFIGURED.now(run.client))

        with stopped_while(phase, server, sandbox, monkeypatch):
            assert run.work() == NOT_RECORDED
        server.start()

        said = run.run().state
        assert said is not None
        assert "The ledger gave no answer" in (said.message or "")
        assert "another run looks in its place" in (said.message or "")
        assert run.record.outcome is None
        successor = replaced(engine, run, incident)
        assert successor.parameters == run.run().parameters
        again = DeploymentRun(run.client, engine, PLAYBOOK, successor.id)
        assert again.work() == Outcome.RECOMMENDED
    assert sandbox.writes() == []


@contextmanager
def stopped_while(
    phase: str, server: Server, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the server be stopped when a run of this block gets there."""
    if phase == "beginning":
        server.stop()
        yield
    elif phase == "looking":
        sandbox.faults(Fault(path=LOOKED_AT, latency_ms=HELD_MS, count=1))
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(stop_when, partial(waits, sandbox), server)
            yield
            stopping.result()
    else:

        def take(_: Request) -> Answer:
            server.stop()
            return Answer(200, b"ok")

        with wire(take) as slack:
            monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
            settings.cache_clear()
            yield
            assert len(slack.requests) == 1
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{sandbox.base_url}/slack/incidents")
        settings.cache_clear()


def stop_when(fact: Callable[[], bool], server: Server) -> None:
    """Stop the server once it holds."""
    eventually(fact)
    server.stop()


def waits(sandbox: SandboxControl) -> bool:
    """Whether somebody waits for the answer that is held."""
    return any(
        each.status is None and each.path.startswith(LOOKED_AT) for each in sandbox.requests()
    )


def replaced(engine: sa.Engine, run: DeploymentRun, incident: UUID) -> FlowRun:
    """Sweep until the run has its account; returns the one run that replaces it."""
    lost_ends = LostEnds(engine, grace_seconds=0)
    reaper = Reaper(engine, Notifier.of(engine, settings()), settings().policy_path, 300)

    def accounted() -> bool:
        with ThreadPoolExecutor(4) as pool:
            for sweep in (lost_ends, lost_ends, reaper, reaper):
                pool.submit(copy_context().run, sweep).result()
        return account.of_run(engine, run.run_id).outcome is not None

    eventually(accounted)  # once its lease is over
    known = account.of_run(engine, run.run_id)
    assert known.outcome is Outcome.FAILED
    with engine.connect() as connection:
        now_at_it = sa.select(dispatches.c.flow_run_id).where(dispatches.c.incident_id == incident)
        successor_id = connection.execute(now_at_it).scalar_one()
    assert successor_id != run.run_id
    assert str(successor_id) in (known.reason or "")
    return run_of(successor_id)
