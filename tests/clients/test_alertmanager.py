"""Alertmanager's silences: what is read, and the error of each way in which that can fail."""

from __future__ import annotations

import json

import pytest

from cct_ops.clients.alertmanager import silences
from cct_ops.errors import ContractBroken, OpsError, Rejected, Unavailable
from cct_ops.stack.postgres import free_port
from tests.clients.conftest import Server

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


def read(server: Server) -> tuple[bool, ...]:
    """Which silences cover an alert of the daily summary."""
    found = silences(f"{server.url}/", timeout_seconds=10)
    return tuple(each.covers({"route": "/daily-summary"}) for each in found)


def test_only_active_silences_are_read_and_those_that_match_cover_an_alert(server: Server) -> None:
    other = SILENCE | {"matchers": [{"name": "route", "value": "/weekly", "isRegex": False}]}
    over = [SILENCE | {"status": {"state": state}} for state in ("expired", "pending")]
    server.body = json.dumps([SILENCE, *over, other]).encode()

    assert read(server) == (True, False)
    assert server.requests == [("GET", "/api/v2/silences", None)]


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
    server: Server, status: int, body: bytes, error: type[OpsError]
) -> None:
    server.status, server.body = status, body

    with pytest.raises(error):
        read(server)


def test_a_silence_that_cannot_be_read_covers_what_the_rest_of_it_does_not_rule_out(
    server: Server,
) -> None:
    odd = {"name": "job", "value": "(", "isRegex": True, "isEqual": True}
    here = SILENCE | {"id": "here", "matchers": [*MATCHERS, odd]}
    elsewhere = {"name": "route", "value": "/weekly", "isRegex": False, "isEqual": True}
    there = SILENCE | {"id": "there", "matchers": [elsewhere, odd]}
    server.body = json.dumps([there, here]).encode()

    found = silences(server.url, timeout_seconds=10)

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
    server: Server, odd: object
) -> None:
    other = SILENCE | {"matchers": [{"name": "route", "value": "/weekly", "isRegex": False}]}
    server.body = json.dumps([odd, other]).encode()

    assert read(server) == (True, False)


@pytest.mark.parametrize("ends", [None, "soon", "0001-01-01T00:00:00.000Z", 10**400, "2026-11-24"])
def test_only_the_matchers_and_the_state_decide_what_a_silence_covers(
    server: Server, ends: object
) -> None:
    bare = {"status": {"state": "active"}, "matchers": MATCHERS, "endsAt": ends}
    server.body = json.dumps([bare]).encode()

    (found,) = silences(server.url, timeout_seconds=10)

    assert found.covers({"route": "/daily-summary"})
    assert found.unreadable is None


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="No answer from Alertmanager"):
        silences(f"http://127.0.0.1:{free_port()}", timeout_seconds=5)
