"""What those see who operate a gateway: its counts, its signs of life, why it does not start."""

from __future__ import annotations

import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.people import heartbeats
from cct_ops.ledger.people.tables import heartbeats as table
from cct_ops.people.watchdog import CONTROLLER, GATEWAY
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from evaluation.simulation.clock import VirtualClock
from tests.conftest import ROOT
from tests.gateway.running import JSON, KEY, Gateway, command, environment, running
from tests.gateway.signing import firing
from tests.plain import HTTP
from tests.stack.polling import eventually


def test_it_counts_on_a_door_of_its_own_and_knows_whether_it_is_ready(
    postgres: EmbeddedPostgres, ledger_url: SecretStr, engine: sa.Engine, tmp_path: Path
) -> None:
    """Refusals and deliveries are counted; a ledger that goes away is said, and comes back."""
    port = free_port()
    with running(
        ledger_url.get_secret_value(), tmp_path / "log", CCT_OPS_METRICS_PORT=str(port)
    ) as gateway:
        statuses = [gateway.post(firing(), key=key).status_code for key in ("no", None, KEY, KEY)]
        assert statuses == [401, 401, 202, 202]
        counted = metrics(port)
        for line in (
            'cct_ops_refused_total{status="401"} 2.0',
            'cct_ops_deliveries_total{outcome="accepted",source="alertmanager"} 1.0',
            'cct_ops_deliveries_total{outcome="duplicate",source="alertmanager"} 1.0',
            'cct_ops_ledger{what="incidents open"} 1.0',
            "cct_ops_delivery_seconds_count 2.0",
        ):
            assert line in counted
        assert gateway.sender.get("/metrics").status_code == 404

        take_away(postgres, str(engine.url.database), gone=True)
        assert gateway.sender.get("/readyz").status_code == 503
        assert gateway.post(firing(2)).status_code == 503
        assert gateway.sender.get("/healthz").status_code == 200
        assert "cct_ops_ledger{" not in metrics(port)
        take_away(postgres, str(engine.url.database), gone=False)
        eventually(lambda: gateway.sender.get("/readyz").status_code == 200)
        assert gateway.post(firing(2)).status_code == 202
        assert refused_for_two_lengths(gateway)


def metrics(port: int) -> str:
    """Return what Prometheus would read."""
    return HTTP.get(f"http://127.0.0.1:{port}/metrics").text


def take_away(postgres: EmbeddedPostgres, ledger: str, *, gone: bool) -> None:
    """Let the ledger refuse everybody, or nobody any more."""
    admin = postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        allowed = "false" if gone else "true"
        connection.execute(f"ALTER DATABASE {ledger} WITH ALLOW_CONNECTIONS {allowed}".encode())
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [ledger]
        )


def refused_for_two_lengths(gateway: Gateway) -> bool:
    """Send a request whose two lengths contradict each other."""
    lines = [
        "POST /hooks/alertmanager HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {KEY}",
        f"Content-Type: {JSON}",
        "Content-Length: 2",
        "Content-Length: 3",
    ]
    with socket.create_connection(("127.0.0.1", gateway.sender.base_url.port or 0)) as raw:
        raw.sendall("\r\n".join([*lines, "", "{} "]).encode())
        raw.settimeout(10)
        return raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_without_a_ledger_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    """It needs no ledger to start, and never says that something is stored when it is not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{port}/nothing"
    with running(nowhere, tmp_path / "gateway.log") as gateway:
        assert gateway.sender.get("/healthz").status_code == 200
        assert gateway.sender.get("/readyz").status_code == 503
        assert gateway.post(firing()).status_code == 503


@pytest.mark.parametrize(
    ("key", "reason"),
    [("", "has no key: set the environment"), ("x" * 23, "is too short: use at least 24")],
)
def test_a_weak_key_keeps_the_door_shut(key: str, reason: str) -> None:
    """A gateway without a key would be open; it says in which line of which file and what to do."""
    attempt = subprocess.run(
        command(),
        cwd=ROOT,
        env=environment("postgresql+psycopg:///nothing", CCT_OPS_ALERTMANAGER_KEY=key),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert attempt.returncode == 1
    assert attempt.stderr.startswith("gateway: deployments/sources.yaml:")
    assert "source alertmanager" in attempt.stderr
    assert reason in attempt.stderr
    assert "Traceback" not in attempt.stderr


def test_a_gateway_reports_a_silent_controller(
    ledger_url: SecretStr, engine: sa.Engine, sandbox: SandboxControl, tmp_path: Path
) -> None:
    """
    Of one that was heard since it listens, after a minute, and by its own sign of life before that.

    Since nobody else can, it also pages who can be reached without Prefect.
    """
    webhook = f"{sandbox.base_url}/slack/incidents"
    addresses = {
        "SLACK_WEBHOOK_URL": webhook,
        "CCT_OPS_WEBHOOK_ON_CALL": "",
        "CCT_OPS_WEBHOOK_LEAD": f"{sandbox.base_url}/slack/lead",
    }

    clock = VirtualClock.install(ledger_url.get_secret_value().replace("+psycopg", ""))
    began = datetime.now(UTC)
    clock.move(began)  # before its first look: between two statements of it time makes no leap

    def looks_at(moment: datetime) -> None:
        """Let it be that moment, and wait until the gateway has looked."""
        clock.move(moment)
        looked = sa.select(table.c.last_at).where(table.c.part == GATEWAY)
        with engine.connect() as connection:
            eventually(lambda: connection.scalar(looked) == moment, seconds=60)

    with clock.connection, running(ledger_url.get_secret_value(), tmp_path / "log", **addresses):
        looks_at(began)
        heartbeats.beat(engine, CONTROLLER)
        looks_at(began + timedelta(seconds=50))
        assert sandbox.slack_messages() == []
        looks_at(began + timedelta(seconds=70))
        eventually(lambda: len(sandbox.slack_messages()) == 2, seconds=60)

    message, page = sandbox.slack_messages()
    assert page.path == "/slack/lead"
    assert "To start it: cct-ops start controller" in page.body["text"]
    assert message.body["text"] == ":rotating_light: The controller of cct-ops is silent"
