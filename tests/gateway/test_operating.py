"""What those see who operate a gateway: its counts, and whether it is ready."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from tests.gateway.running import JSON, KEY, Gateway, running
from tests.gateway.signing import firing
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
    return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text


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
