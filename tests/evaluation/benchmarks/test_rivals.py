"""What is measured of others, and what becomes of one that does not work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cct_ops.stack.postgres import free_port
from evaluation.benchmarks.rivals import measured

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
