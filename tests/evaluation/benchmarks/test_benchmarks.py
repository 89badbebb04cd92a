"""The benchmarks: the clock at the sink, the sides and their turns, and the history."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from uuid import uuid4

import httpx
import pytest

from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from evaluation.benchmarks.load import add_history
from evaluation.benchmarks.rivals import rivals
from evaluation.benchmarks.sides import Side, in_turns
from evaluation.benchmarks.sink import GREETING, Journal
from tests.conftest import ROOT


@dataclass(frozen=True)
class Sunk:
    """A sink before a CCT that writes down when a request has reached it."""

    url: str
    journal: Journal
    reached: list[tuple[float, str]]

    def get(self, target: str) -> None:
        """Ask CCT through the sink."""
        httpx.get(f"{self.url}{target}", trust_env=False).raise_for_status()


def answering(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[int]:
    """Serve until the end of a test; yields the port."""

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST  # noqa: N815 -- the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def sunk(tmp_path: Path) -> Iterator[Sunk]:
    reached: list[tuple[float, str]] = []

    def reach(request: BaseHTTPRequestHandler, _body: bytes) -> None:
        reached.append((time.monotonic(), request.path))

    port, path = free_port(), tmp_path / "sink.log"
    path.touch()
    with contextmanager(answering)(reach) as behind:
        command = [sys.executable, "-m", "evaluation.benchmarks.sink"]
        with subprocess.Popen(
            [*command, str(port), str(behind), str(path), "/api/v1/"], cwd=ROOT, stdout=PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().decode().strip() == GREETING
            yield Sunk(f"http://127.0.0.1:{port}", Journal(path), reached)
            process.terminate()


@pytest.fixture
def door(sunk: Sunk) -> Iterator[Side]:
    """A rival whose work looks around, makes its one GET, and then writes twice."""

    def work(_request: BaseHTTPRequestHandler, body: bytes) -> None:
        alert = json.loads(body)["alerts"][0]["labels"]["id"]
        sunk.get("/api/v1/of-somebody-else")
        sunk.get("/elsewhere?alert=" + alert)
        sunk.get("/api/v1/canary/status?alert=" + alert)
        for number in range(2):
            url = f"{sunk.url}/api/v1/{number}?alert={alert}"
            httpx.post(url, json={}, trust_env=False).raise_for_status()

    with contextmanager(answering)(work) as port:
        url = f"http://127.0.0.1:{port}/"
        yield Side("door", url, sunk.journal, lambda _: None, {}, rival=True)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


def test_the_sink_stamps_each_request_before_it_reaches_cct_and_changes_nothing(sunk: Sunk) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(sunk.url.rpartition(":")[2]))) as client:
        client.sendall(b"GET /api/v1/a?b=c HTTP/1.1\r\nHost: cct\r\n\r\n")
        answer = client.recv(1000)
        client.sendall(b"POST /api/v1/d HTTP/1.1\r\nHost: cct\r\nContent-Length: 26\r\n\r\nGET /")
        sunk.journal.first(began, writes=True)  # and it is not all there yet
        assert len(sunk.reached) == 1
        client.sendall(b"api/v1/e HTTP/1.1\r\n\r\nGET /f HTTP/1.1\r\nHost: cct\r\n\r\n")
        client.sendall(b"PUT /api/v1/g HTTP/1.1\r\nHost: cct\r\nConnection: close\r\n\r\n")
        while client.recv(1000):
            pass

    stamped = sunk.journal.since(began)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert [(each.method, each.target) for each in stamped] == [
        ("GET", "/api/v1/a?b=c"),
        ("POST", "/api/v1/d"),
        ("PUT", "/api/v1/g"),
    ]
    assert [path for _, path in sunk.reached] == ["/api/v1/a?b=c", "/api/v1/d", "/f"]
    assert began <= stamped[0].at <= sunk.reached[0][0] <= stamped[1].at <= sunk.reached[1][0]


def test_the_sink_takes_nothing_behind_an_upgrade_for_a_request(sunk: Sunk) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(sunk.url.rpartition(":")[2]))) as client:
        head = b"GET /api/v1/events HTTP/1.1\r\nHost: cct\r\nUpgrade: websocket\r\n"
        client.sendall(head + b"Connection: Upgrade, close\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # the sandbox, which takes no upgrade, is gone
            while client.recv(1000):
                client.sendall(b"\x81\x05GET /api/v1/a HTTP/1.1\r\n\r\n")

    assert [each.target for each in sunk.journal.since(began)] == ["/api/v1/events"]


@pytest.mark.parametrize("writes", [False, True])
def test_the_clock_stops_where_the_first_request_of_an_alert_arrives(
    sunk: Sunk, door: Side, http: httpx.Client, writes: bool
) -> None:
    began = time.monotonic()

    timed = door.alone(http, writes=writes)

    arrived = [each.at for each in sunk.journal.since(began) if "alert=" in each.target]
    assert timed.arrived == arrived[1 if writes else 0]
    assert began <= timed.posted <= arrived[0] <= timed.answered
    assert timed.seconds == timed.arrived - timed.posted


def test_a_crowd_has_looked_when_the_last_one_has(
    sunk: Sunk, door: Side, http: httpx.Client
) -> None:
    began = time.monotonic()

    found = door.crowd(http, 3)

    looks = [each.at for each in sunk.journal.since(began) if "canary/status" in each.target]
    assert len(looks) == 3
    assert found["incidents"] == 3
    assert 0 < found["median_first_get_seconds"] <= found["last_first_get_seconds"]
    assert found["last_first_get_seconds"] <= looks[-1] - began


def test_each_side_has_its_turns_and_one_that_fails_costs_the_others_nothing(
    sunk: Sunk, door: Side, http: httpx.Client
) -> None:
    began, gone = time.monotonic(), f"http://127.0.0.1:{free_port()}/"
    sides = [door, replace(door, name="slow", slow=True), replace(door, name="gone", url=gone)]

    timed, failed = in_turns(sides, http, 4, 2)

    looks = [each for each in sunk.journal.since(began) if "canary/status" in each.target]
    assert {name: len(each) for name, each in timed.items()} == {"door": 4, "slow": 2}
    assert len(looks) == 4 + 2 + 2 * 2  # the first two of each are not counted
    assert list(failed) == ["gone"]
    assert "refused" in failed["gone"]


def test_what_is_not_installed_or_does_not_work_is_named_and_costs_nothing_else(
    sunk: Sunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "webhook").write_text("#!/bin/sh\necho no such option; exit 1\n")
    (programs / "webhook").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("evaluation.benchmarks.rivals.environment", lambda: programs)
    monkeypatch.setattr("evaluation.benchmarks.rivals.PATIENCE_SECONDS", 0.5)
    env = {"CCT_URL": sunk.url, "X_API_KEY": "key"}

    names = ["celery", "ansible-rulebook", "webhook"]
    with rivals(names, tmp_path / "rivals", sunk.journal, env) as (found, missing):
        assert found == []

    assert missing["celery"] == "there is no redis-server on PATH"
    assert missing["ansible-rulebook"] == "there is no java on PATH"
    assert "it does not work here" in missing["webhook"]
    printed = capsys.readouterr().err
    assert "webhook is not measured: it does not work here" in printed
    assert "no such option" in printed


def test_the_rivals_lock_names_no_place() -> None:
    lock = (ROOT / "evaluation/benchmarks/rivals.lock").read_text()

    assert "--hash=sha256:" in lock
    assert "http" not in lock.replace("aiohttp", "")
    assert "--index" not in lock
    assert "--find-links" not in lock


def test_the_runs_are_there_with_their_final_states(
    prefect_api_url: str, postgres: EmbeddedPostgres
) -> None:
    tag = f"history-{uuid4().hex}"
    with httpx.Client(base_url=prefect_api_url, timeout=30, trust_env=False) as prefect:
        flow = prefect.post("/flows/", json={"name": tag}).json()["id"]
        body = {"flow_id": flow, "tags": [tag], "state": {"type": "COMPLETED"}}
        template = prefect.post("/flow_runs/", json=body).raise_for_status().json()
        ended = {"state": {"type": "COMPLETED", "name": "Resolved"}, "force": True}
        prefect.post(f"/flow_runs/{template['id']}/set_state", json=ended).raise_for_status()

        add_history(postgres.asyncpg_url("prefect"), 20)

        wanted = {"flows": {"id": {"any_": [flow]}}}
        runs = prefect.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    made = [run for run in runs if run["id"] != template["id"]]
    ages = [datetime.now(UTC) - datetime.fromisoformat(run["end_time"]) for run in made]
    assert len(made) == 20
    assert {run["state"]["name"] for run in made} == {"Resolved"}
    assert {run["state_id"] for run in made} == {run["state"]["id"] for run in made}
    assert len({run["state_id"] for run in made}) == 20
    assert 29 < max(ages).days <= 30
