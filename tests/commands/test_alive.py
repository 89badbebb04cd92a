"""A health check knows a part that answers from one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cct_ops.cli import app
from cct_ops.commands.alive import alive
from cct_ops.errors import BadConfiguration

PLACES = {
    "gateway": ("CCT_OPS_GATEWAY_PORT", "/healthz"),
    "board": ("CCT_OPS_BOARD_PORT", "/healthz"),
    "controller": ("CCT_OPS_CONTROLLER_METRICS_PORT", "/metrics"),
    "worker": ("CCT_OPS_WORKER_METRICS_PORT", "/metrics"),
    "prefect-api": ("PREFECT_SERVER_API_PORT", "/api/health"),
}


class Part(BaseHTTPRequestHandler):
    """Knows one path, and one name."""

    path_known = ""

    def do_GET(self) -> None:
        """Answer."""
        known = self.path == self.path_known and self.headers["Host"] != "nobody"
        self.send_response(200 if known else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Part) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("part", PLACES)
def test_a_part_that_answers_is_alive(
    part: str, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable, path = PLACES[part]
    monkeypatch.setenv(variable, str(port))
    monkeypatch.setattr(Part, "path_known", path)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # is not asked

    assert app(["alive", part]) == 0
    assert capsys.readouterr().out == f"{part}: alive\n"


def test_one_that_answers_something_else_is_not(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CCT_OPS_GATEWAY_PORT", str(port))
    monkeypatch.setattr(Part, "path_known", "/elsewhere")

    assert alive("gateway") == 1
    assert "answers 404" in capsys.readouterr().err


def test_one_that_does_not_answer_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CCT_OPS_GATEWAY_PORT", "1")

    assert alive("gateway") == 1
    assert "http://127.0.0.1:1/healthz does not answer" in capsys.readouterr().err


def test_the_board_is_asked_under_its_own_name(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCT_OPS_BOARD_PORT", str(port))
    monkeypatch.setenv("CCT_OPS_BOARD_URL", "https://nobody")
    monkeypatch.setattr(Part, "path_known", "/healthz")

    assert alive("board") == 1


def test_where_no_metrics_are_shown_it_is_said_what_to_set() -> None:
    with pytest.raises(BadConfiguration, match="CCT_OPS_CONTROLLER_METRICS_PORT"):
        alive("controller")
