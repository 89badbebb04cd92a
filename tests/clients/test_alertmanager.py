"""Alertmanager's silences: what is read, and the error of each way in which that can fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cct_ops.clients.alertmanager import silences
from cct_ops.errors import ContractBroken, OpsError, Rejected, Unavailable
from cct_ops.stack.postgres import free_port

SILENCE = {
    "id": "3c1f",
    "status": {"state": "active"},
    "updatedAt": "2026-11-24T10:00:00.000Z",
    "startsAt": "2026-11-24T10:00:00.000Z",
    "endsAt": "2026-11-24T12:00:00.000Z",
    "createdBy": "ada",
    "comment": "the move",
    "matchers": [{"name": "route", "value": "/daily.*", "isRegex": True, "isEqual": True}],
}


class Alertmanager(HTTPServer):
    """A server that answers one thing to every question."""

    status = 200
    body: bytes = b"[]"
    asked: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Alertmanager)
        server.asked = self.path
        self.send_response(server.status)
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as inherited
        """Stay silent."""


@pytest.fixture
def alertmanager() -> Iterator[Alertmanager]:
    with Alertmanager(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def read(server: Alertmanager) -> tuple[bool, ...]:
    """Which silences cover an alert of the daily summary."""
    found = silences(f"http://127.0.0.1:{server.server_port}/", timeout_seconds=10)
    return tuple(each.covers({"route": "/daily-summary"}) for each in found)


def test_only_active_silences_that_match_cover_an_alert(alertmanager: Alertmanager) -> None:
    other = SILENCE | {"matchers": [{"name": "route", "value": "/weekly", "isRegex": False}]}
    known = [SILENCE, SILENCE | {"status": {"state": "expired"}}, other]
    alertmanager.body = json.dumps(known).encode()

    assert read(alertmanager) == (True, False, False)
    assert alertmanager.asked == "/api/v2/silences"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, b"", Unavailable),
        (429, b"", Unavailable),
        (404, b"", Rejected),
        (302, b"", Rejected),
        (200, b"<html>", ContractBroken),
        (200, b'[{"id": "1"}]', ContractBroken),
    ],
)
def test_each_failure_has_its_error(
    alertmanager: Alertmanager, status: int, body: bytes, error: type[OpsError]
) -> None:
    alertmanager.status, alertmanager.body = status, body

    with pytest.raises(error):
        read(alertmanager)


def test_a_regular_expression_that_cannot_be_read_is_never_taken_for_no_match(
    alertmanager: Alertmanager,
) -> None:
    broken = SILENCE | {"matchers": [{"name": "route", "value": "(", "isRegex": True}]}
    alertmanager.body = json.dumps([broken]).encode()

    with pytest.raises(ContractBroken, match="matchers"):
        read(alertmanager)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="No answer from Alertmanager"):
        silences(f"http://127.0.0.1:{free_port()}", timeout_seconds=5)
