"""The commands with which people stop automation, take targets over, and see what stops it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate.refused_keys import LedgerKeys, remembered
from cct_ops.ledger.gate.tables import holds, switches
from cct_ops.models.run import Outcome
from tests.commands.conftest import Typed
from tests.controller.wire import Answer, wire
from tests.ledger.alerts import opened
from tests.ledger.history import TARGET, attempt

pytestmark = pytest.mark.usefixtures("on_ledger")


def row_of(table: str, guard: str) -> str:
    """The table's row about the guard."""
    return next(line for line in table.splitlines() if f" {guard} " in line)


def test_stop_and_resume_are_kept_with_who_and_why(engine: sa.Engine, typed: Typed) -> None:
    assert "nothing new is changed" in typed("stop --reason drill")
    assert "stops" in row_of(typed(f"guards auto-rollback {TARGET}"), "kill switch")
    assert "the kill switch stops nothing any more" in typed("resume")

    with engine.connect() as connection:
        kept = connection.execute(sa.select(switches).order_by(switches.c.id)).all()
    assert [(row.stopped, row.reason) for row in kept] == [
        (True, "drill"),
        (False, "no reason given"),
    ]
    assert all(row.person for row in kept)


def test_a_target_is_held_and_given_back(engine: sa.Engine, typed: Typed) -> None:
    typed(f"hold {TARGET} --until 2h --reason mine")
    assert "stops" in row_of(typed(f"guards auto-rollback {TARGET}"), "hold")
    typed(f"release {TARGET}")
    assert "stops" not in row_of(typed(f"guards auto-rollback {TARGET}"), "hold")

    with engine.connect() as connection:
        kept = connection.execute(sa.select(holds)).one()
    assert kept.until - kept.placed_at > timedelta(hours=1.9)
    assert kept.released_by


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("hold daily --until 2h --reason x", "there is no target daily, so no playbook may"),
        (f"hold {TARGET} --until 2020-01-01 --reason x", "is over already"),
        (f"hold {TARGET} --until later --reason x", "is no moment"),
        (f"hold {TARGET} --until 31d --reason x", "a hold lasts 30 days at most, and"),
        (f"hold {TARGET} --until 2h --reason ' '", "a hold needs a reason"),
        (f"release {TARGET}", "nobody holds"),
        (f"guards auto-rollback {TARGET} --incident x", "'x' is no id of an incident"),
    ],
)
def test_a_wrong_command_is_refused_in_one_sentence(command: str, problem: str) -> None:
    with pytest.raises(BadConfiguration, match=problem):
        app(command, exit_on_error=False)


def test_every_guard_has_a_row(engine: sa.Engine, typed: Typed) -> None:
    attempt(engine, Outcome.FAILED)

    table = typed(f"guards auto-rollback {TARGET}")

    for guard in ("silence", "allow-list", "storm", "action budget", "target lock"):
        assert "lets through" in row_of(table, guard)
    assert "stops" in row_of(table, "backoff")
    assert "1 failed attempt since" in row_of(table, "breaker, failed attempts")


@pytest.fixture
def alertmanager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place where our target is silenced, known to the commands."""
    matcher = {"name": "route", "value": TARGET, "isRegex": False, "isEqual": True}
    silence = {"id": "1", "status": {"state": "active"}, "matchers": [matcher]}
    with wire(lambda _: Answer(200, json.dumps([silence]).encode())) as server:
        monkeypatch.setenv("CCT_OPS_ALERTMANAGER_URL", server.url)
        yield


@pytest.mark.usefixtures("alertmanager")
def test_a_silence_stops_the_incident_that_is_named_and_depends_where_none_is(
    engine: sa.Engine, typed: Typed
) -> None:
    incident = opened(engine, route=TARGET)
    other = opened(engine, route="/weekly-review")

    unnamed = typed(f"guards auto-rollback {TARGET}")
    assert "depends" in row_of(unnamed, "silence")
    ours = typed(f"guards auto-rollback {TARGET} --incident {incident}")
    assert "stops" in row_of(ours, "silence")
    theirs = typed(f"guards auto-rollback {TARGET} --incident {other}")
    assert "no silence matches" in row_of(theirs, "silence")


def test_the_ladder_is_shown_with_what_a_person_could_merge(
    engine: sa.Engine, typed: Typed
) -> None:
    assert "No playbook has changed anything yet" in typed("autonomy")
    attempt(engine, Outcome.FAILED, ago=timedelta(hours=90))
    for hours in range(20, 80, 6):
        attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=hours))

    shown = typed("autonomy")

    assert "10 of 10" in shown
    assert "approve" in shown
    assert "clean_since: 20" in shown


def test_a_refused_key_is_sent_once_more_when_a_person_says_so(
    engine: sa.Engine, typed: Typed
) -> None:
    assert "has refused no key" in typed("retry-key")
    LedgerKeys(engine, "http://cct").refuse(SecretStr("a-key"), "401: no", None)

    assert "the next request to CCT carries X_API_KEY again, alone" in typed("retry-key")
    assert remembered(engine) == 0
