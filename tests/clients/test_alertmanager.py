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

MATCHERS = [{"name": "route", "value": "/daily.*", "isRegex": True, "isEqual": True}]
SILENCE = {
    "id": "3c1f",
    "status": {"state": "active"},
    "updatedAt": "2026-11-24T10:00:00.000Z",
    "startsAt": "2026-11-24T10:00:00.000Z",
    "endsAt": "2026-11-24T12:00:00.000Z",
    "createdBy": "ada",
    "comment": "the move",
    "matchers": MATCHERS,
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


def test_only_active_silences_are_read_and_those_that_match_cover_an_alert(
    alertmanager: Alertmanager,
) -> None:
    other = SILENCE | {"matchers": [{"name": "route", "value": "/weekly", "isRegex": False}]}
    over = [SILENCE | {"status": {"state": state}} for state in ("expired", "pending")]
    alertmanager.body = json.dumps([SILENCE, *over, other]).encode()

    assert read(alertmanager) == (True, False)
    assert alertmanager.asked == "/api/v2/silences"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, b"", Unavailable),
        (429, b"", Unavailable),
        (404, b"", Rejected),
        (302, b"", Rejected),
        (200, b"<html>", ContractBroken),
        (200, b'{"id": "1"}', ContractBroken),
        (200, b"[" * 100_000, ContractBroken),
    ],
)
def test_each_failure_has_its_error(
    alertmanager: Alertmanager, status: int, body: bytes, error: type[OpsError]
) -> None:
    alertmanager.status, alertmanager.body = status, body

    with pytest.raises(error):
        read(alertmanager)


def test_a_silence_that_cannot_be_read_covers_what_the_rest_of_it_does_not_rule_out(
    alertmanager: Alertmanager,
) -> None:
    odd = {"name": "job", "value": "(", "isRegex": True, "isEqual": True}
    here = SILENCE | {"id": "here", "matchers": [*MATCHERS, odd]}
    elsewhere = {"name": "route", "value": "/weekly", "isRegex": False, "isEqual": True}
    there = SILENCE | {"id": "there", "matchers": [elsewhere, odd]}
    alertmanager.body = json.dumps([there, here]).encode()

    found = silences(f"http://127.0.0.1:{alertmanager.server_port}", timeout_seconds=10)

    assert [each.covers({"route": "/daily-summary"}) for each in found] == [False, True]
    assert found[1].unreadable is not None
    assert "the matcher of 'job' is not a regular expression of RE2" in found[1].unreadable


@pytest.mark.parametrize(
    "odd",
    [
        SILENCE | {"matchers": []},
        SILENCE | {"matchers": None},
        SILENCE | {"matchers": [{"name": "route"}]},
        SILENCE | {"matchers": [*MATCHERS, 7]},
        SILENCE | {"matchers": [MATCHERS[0] | {"isEqual": "yes"}]},
        SILENCE | {"matchers": [MATCHERS[0] | {"value": "\ud800"}]},
        SILENCE | {"status": {"state": "dormant"}},
        {"id": "1"},
        7,
    ],
)
def test_an_odd_silence_may_be_about_this_alert_and_hides_no_other(
    alertmanager: Alertmanager, odd: object
) -> None:
    other = SILENCE | {"matchers": [{"name": "route", "value": "/weekly", "isRegex": False}]}
    alertmanager.body = json.dumps([odd, other]).encode()

    assert read(alertmanager) == (True, False)


@pytest.mark.parametrize("ends", [None, "soon", "0001-01-01T00:00:00.000Z", 10**400, "2026-11-24"])
def test_only_the_matchers_and_the_state_decide_what_a_silence_covers(
    alertmanager: Alertmanager, ends: object
) -> None:
    bare = {"status": {"state": "active"}, "matchers": MATCHERS, "endsAt": ends}
    alertmanager.body = json.dumps([bare]).encode()

    (found,) = silences(f"http://127.0.0.1:{alertmanager.server_port}", timeout_seconds=10)

    assert found.covers({"route": "/daily-summary"})
    assert found.unreadable is None


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="No answer from Alertmanager"):
        silences(f"http://127.0.0.1:{free_port()}", timeout_seconds=5)
