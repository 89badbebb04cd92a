"""The benchmarks: their rivals, their history and their words."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from evaluation.benchmarks.load import add_history
from evaluation.benchmarks.rivals import measured
from tests.conftest import ROOT

PROGRAM = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with open("started", "a") as file:
            print(f"{time.time():.9f}", file=file)
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
"""


def test_each_post_but_the_first_is_measured(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", PROGRAM, str(port)]

    took = measured(command, f"http://127.0.0.1:{port}/", tmp_path / "started", 3)

    assert took is not None
    assert len(took) == 3
    assert all(0 < seconds < 10 for seconds in took)
    assert len((tmp_path / "started").read_text().split()) == 4


def test_what_is_not_installed_is_not_measured(tmp_path: Path) -> None:
    assert measured(["no-such-program"], "http://127.0.0.1:1/", tmp_path / "started", 3) is None


def test_what_does_not_work_is_named_and_costs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "print('no such source')"]

    assert measured(command, f"http://127.0.0.1:{free_port()}/", tmp_path / "started", 3) is None
    told = capsys.readouterr().err
    assert "is not measured: It has ended." in told
    assert "no such source" in told


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


MEASURED = ["evaluation/benchmarks/page.py", "evaluation/benchmarks/report.py"]
SHOWN = ["docs/benchmarks/results.md", "docs/benchmarks/results.svg"]


@pytest.mark.parametrize("name", [*MEASURED, *SHOWN])
def test_what_stops_at_the_first_probe_is_not_called_the_first_action(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "first probe" in text
    assert "alert to its first action" not in text
    assert "alert -> first action" not in text
