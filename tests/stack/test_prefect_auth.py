"""Prefect's own door: nobody without the string, nothing from somebody else's page."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from cct_ops.stack import prefect_server
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from cct_ops.worker.prefect_patches import share
from cct_ops.worker.protocol import Token
from evaluation.soak.parts import answers
from tests.plain import HTTP


@dataclass(frozen=True)
class Server:
    """A server with its door shut."""

    url: str
    auth: str

    def ask(self, method: str, path: str, auth: str | None = None, **headers: str) -> int:
        """Ask by hand and return the answer's status."""
        if auth is not None:
            headers["authorization"] = f"Basic {b64encode(auth.encode()).decode()}"
        content: dict[str, str] | None = {} if method == "POST" else None
        return HTTP.request(
            method, f"{self.url}/api{path}", headers=headers, json=content
        ).status_code


@pytest.fixture(scope="module")
def server(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Start it as `cct-ops up` does."""
    data, port = tmp_path_factory.mktemp("door"), free_port()
    url, auth = f"http://127.0.0.1:{port}", prefect_server.auth_string(data)
    environment = os.environ | {
        "PREFECT_HOME": str(data / "prefect"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres.asyncpg_url("prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        prefect_server.CLIENT: auth,
        **prefect_server.server_env(auth, url),
    }
    command = [sys.executable, "-m", "cct_ops.stack.prefect_server", "--port", str(port)]
    with (
        (data / "log").open("wb") as log,
        subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            answers(f"{url}/api/health", 150)
            yield Server(url, auth)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_nobody_reads_or_writes_without_the_string(server: Server) -> None:
    """Only whether it is alive is shown to everybody."""
    for auth in (None, f"{server.auth}x", "admin:pass"):
        assert server.ask("GET", "/work_pools/x", auth) == 401
        assert server.ask("POST", "/flow_runs/filter", auth) in {401, 403}
    assert server.ask("GET", "/work_pools/x", server.auth) == 404
    assert server.ask("GET", "/health") == 200


def test_a_request_of_somebody_elses_page_changes_nothing(server: Server) -> None:
    """Even with the string it needs a token, which another origin cannot fetch."""
    assert server.ask("POST", "/flow_runs/filter", auth=server.auth) == 403
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    allowed = httpx.options(f"{server.url}/api/flow_runs/filter", headers=headers, trust_env=False)
    assert "access-control-allow-origin" not in allowed.headers


def test_prefects_own_clients_get_in(server: Server) -> None:
    """They find the string in their environment."""
    name = f"pool-{uuid4().hex[:8]}"
    with (
        temporary_settings(
            {PREFECT_API_URL: f"{server.url}/api", PREFECT_API_AUTH_STRING: server.auth}
        ),
        get_client(sync_client=True) as client,
    ):
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        assert client.read_work_pool(name).name == name


def test_a_process_begins_with_its_workers_token_and_renews_none_but_its_own(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server knows one token for each client: renewing a shared one takes it from all."""
    url = {PREFECT_API_URL: f"{server.url}/api", PREFECT_API_AUTH_STRING: server.auth}
    with (
        temporary_settings(url),
        get_client(sync_client=True) as worker,
        get_client(sync_client=True) as process,
        get_client(sync_client=True) as older,
    ):
        me = uuid4()
        answer = worker.request("GET", "/csrf-token", params={"client": str(me)})
        token = Token.model_validate(answer.json())
        with sharing(monkeypatch, token):
            process.read_work_pools()
        with sharing(monkeypatch, token.model_copy(update={"expiration": datetime.now(UTC)})):
            older.read_work_pools()
        process.read_work_pools()

        mine: Any = process._client
        its: Any = older._client
        assert (mine.csrf_client_id, mine.csrf_token) == (me, token.token)
        assert its.csrf_client_id != me
        assert its.csrf_token != token.token


@contextmanager
def sharing(monkeypatch: pytest.MonkeyPatch, token: Token) -> Iterator[None]:
    """Share a token as in a process that has one run, and leave our own process as it was."""
    with monkeypatch.context() as patch:
        for kind in (PrefectHttpxSyncClient, PrefectHttpxAsyncClient):
            patch.setattr(kind, "_add_csrf_headers", kind._add_csrf_headers)
        share(token)
        yield


def test_the_string_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It is long, stays the same, and nobody else may read its file."""
    auth = prefect_server.auth_string(tmp_path)

    assert len(auth) >= 32
    assert prefect_server.auth_string(tmp_path) == auth
    assert stat.S_IMODE(prefect_server.file_of(tmp_path).stat().st_mode) == 0o600
