"""Assign, note, maintenance and silence, as people type them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.gate import switches
from cct_ops.ledger.people import acknowledgements, assignments, pages
from cct_ops.record import account
from tests.ledger.alerts import opened

pytestmark = pytest.mark.usefixtures("on_ledger")


def listed(noun: str, capsys: pytest.CaptureFixture[str], *more: str) -> list[dict[str, Any]]:
    """Return what the list has, as JSON."""
    capsys.readouterr()
    app([noun, "list", *more, "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_an_incident_is_assigned_and_noted(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = opened(engine)

    app(["assign", str(incident)[:8], "--to", "Incident lead"])
    app(["note", str(incident), "Rolled back by hand.\nIt helps.\x1b[31m"])
    app(["incident", str(incident)])

    printed = capsys.readouterr().out
    assert "is assigned to Incident lead, who is told." in printed
    assert "Rolled back by hand." in printed
    assert "\x1b[31m" not in printed
    had = acknowledgements.holders(engine, [incident])
    assert assignments.newest(engine, [incident], had)[incident].person == "Incident lead"
    assert [each.page.addressee for each in pages.newest(engine, 9)] == ["lead"]
    told = account.read(engine, incident)
    assert told is not None
    assert [each.actor.proof for each in told.entries if each.kind == "note"] == [
        "the login of a shell"
    ]
    with pytest.raises(NotPermitted, match="was assigned to Incident lead"):
        app(["assign", str(incident), "--to", "lead"])
    with pytest.raises(BadConfiguration, match="nobody here is called"):
        app(["assign", str(incident), "--to", "Nobody"])
    with pytest.raises(BadConfiguration, match="the note is empty"):
        app(["note", str(incident), " "])


def test_maintenance_is_declared_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    why = ["--reason", "release 48"]
    app(["maintenance", "start", "/daily-*", "staging", "--until", "2h", *why])
    app(["maintenance", "start", "*", "--from", "3h", "--until", "1h", *why])

    now_, coming = listed("maintenance", capsys)

    assert (now_["targets"], coming["targets"]) == ("/daily-*, staging", "*")
    assert coming["reason"] == "release 48"
    app(["maintenance", "end", now_["id"][:8]])
    assert [each["id"] for each in listed("maintenance", capsys)] == [coming["id"]]
    assert len(listed("maintenance", capsys, "--all")) == 2
    for wrong, words in (
        (["/nowhere", "--until", "2h", *why], "no playbook changes anything called /nowhere"),
        (["--until", "2h", *why], "name the targets"),
        (["*", "--until", "9d", *why], "7 days at most"),
        (["*", "--until", "soon", *why], "is no moment"),
        (["*", "--until", "2020-01-01T00:00", *why], "has to end after it begins"),
        (["*", "--until", "2h", "--reason", " "], "say why"),
    ):
        with pytest.raises(BadConfiguration, match=words):
            app(["maintenance", "start", *wrong])
    with pytest.raises(BadConfiguration, match="has ended already"):
        app(["maintenance", "end", now_["id"]])


def test_a_silence_is_declared_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    app(["silence", "start", 'alertname="A"', "--until", "2h", "--reason", "known"])

    (silence,) = listed("silence", capsys)

    assert (silence["matchers"], silence["reason"]) == ('alertname="A"', "known")
    app(["silence", "end", silence["id"]])
    assert listed("silence", capsys) == []
    assert [each["id"] for each in listed("silence", capsys, "--all")] == [silence["id"]]
    for matchers, words in (("{}", "not every alert fulfils"), ("=", "cannot be read")):
        with pytest.raises(BadConfiguration, match=words):
            app(["silence", "start", matchers, "--until", "2h", "--reason", "known"])


def test_releasing_says_what_it_releases(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ada", "ben"):
        until = datetime.now(UTC) + timedelta(hours=1)
        switches.hold(engine, "/daily-summary", until, f"I look, says {name}", name)

    app(["release", "/daily-summary"])

    printed = capsys.readouterr().out
    assert "held by ada: I look, says ada" in printed
    assert "held by ben: I look, says ben" in printed
