"""Maintenance and silences as people declare them on the board, and several holds of one target."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate import maintenance, switches
from cct_ops.ledger.people import silences
from cct_ops.models.role import Role
from tests.board.conftest import SignedIn
from tests.ledger.leaves import leaves

WINDOW = {"m_targets": "/daily-*, /weekly-review", "m_hours": "2", "m_reason": "Release 48"}
SILENCE = {"s_matchers": 'alertname="HighLatency"', "s_hours": "1", "s_reason": "A known one"}
LATER = datetime.now(UTC).year + 1
BY_ANNA = "Anna Ito, signed in on the board"


def logged(engine: sa.Engine, kind: str) -> list[dict[str, str | None]]:
    """Return what the log is to say of rows of this kind, row and state together."""
    return [{**leaf.row, **leaf.state} for leaf in leaves(engine, kind)]


def test_maintenance_is_declared_shown_and_ended_by_name(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person, once = signed_in(Role.RESPONDER), str(uuid4())

    for _ in range(2):  # two clicks
        answer = person.send("/switches/maintenance", once=once, back="/switches", **WINDOW)
        assert answer.headers["location"] == "/switches"

    (window,) = maintenance.standing(engine)
    assert window.targets == ("/daily-*", "/weekly-review")
    assert (window.reason, window.person) == ("Release 48", BY_ANNA)
    assert window.ends_at - window.starts_at == timedelta(hours=2)
    for path in ("/switches", "/now"):
        shown = person.get(path).text
        assert "/daily-*, /weekly-review" in shown, path
        assert "Release 48" in shown, path
    end = f"/switches/maintenance/{window.id}/end"
    assert person.send(end).status_code == 303
    assert maintenance.standing(engine) == []
    again = person.send(end)
    assert (again.status_code, "has ended already" in again.text) == (409, True)
    declared, ended = logged(engine, "maintenance_windows")
    assert (declared["person"], declared["ended_by"]) == (BY_ANNA, None)
    assert ended["ended_by"] == BY_ANNA


def test_maintenance_that_is_to_come_says_when(signed_in: SignedIn, engine: sa.Engine) -> None:
    begins = (datetime.now(UTC) + timedelta(hours=5)).replace(second=0, microsecond=0)
    given = f"{begins:%Y-%m-%dT%H:%M}"

    assert signed_in().send("/switches/maintenance", m_from=given, **WINDOW).status_code == 303

    (window,) = maintenance.standing(engine)
    assert window.starts_at == begins
    shown = signed_in(Role.VIEWER).get("/switches").text
    assert "begins\n<time" in shown or "begins <time" in shown
    assert "Call off" not in shown  # a viewer is offered nothing


def test_maintenance_that_makes_no_sense_is_refused_beside_its_field(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person = signed_in()
    for wrong, words in (
        ({"m_targets": "/no-such-page"}, "no playbook changes anything called /no-such-page"),
        ({"m_targets": " "}, "name the targets, or * for all of them"),
        ({"m_hours": "1000000"}, "Choose for how long."),
        ({"m_reason": "\x00 "}, "Say why"),
        ({"m_from": "soon"}, "This is no moment"),
        ({"m_from": "2020-01-01T00:00"}, "is over already"),
        ({"m_from": "9999-12-31T23:59"}, "Maintenance begins within 30 days"),
        (
            {"m_from": f"{datetime.now(UTC).year + 1}-12-31T23:59"},
            "maintenance begins within 30 days",
        ),
    ):
        answer = person.send("/switches/maintenance", **(WINDOW | wrong))
        assert answer.status_code == 409, wrong
        assert words in answer.text, wrong
        assert 'aria-invalid="true"' in answer.text, wrong
    assert 'value="Release 48"' in answer.text  # nothing that was typed is lost
    assert maintenance.standing(engine) == []


def test_notices_are_silenced_and_let_through_again_by_name(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person = signed_in(Role.RESPONDER)

    assert person.send("/switches/silence", **SILENCE).status_code == 303

    (silence,) = silences.standing(engine)
    assert (silence.matchers, silence.person) == ('alertname="HighLatency"', BY_ANNA)
    assert "A known one" in person.get("/now").text
    assert person.send(f"/switches/silence/{silence.id}/end").status_code == 303
    assert silences.standing(engine) == []
    assert [each["ended_by"] for each in logged(engine, "silences")] == [None, BY_ANNA]


def test_a_silence_about_everything_is_refused(signed_in: SignedIn, engine: sa.Engine) -> None:
    person = signed_in()
    for matchers in ("", "=", "{}", 'alertname=~".*"', 'a!="b"', "alertname", "x" * 900):
        answer = person.send("/switches/silence", **(SILENCE | {"s_matchers": matchers}))
        assert answer.status_code == 409, matchers
        assert 's_matchers-wrong">' in answer.text, matchers

    assert silences.standing(engine) == []


def test_five_holds_of_one_target_are_one_row_and_releasing_says_what_it_released(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person, target = signed_in(Role.RESPONDER), "/daily-summary"
    until = datetime.now(UTC) + timedelta(hours=1)
    for number in range(5):
        switches.hold(engine, target, until, f"reason {number}", f"person {number}")

    shown = person.get("/switches").text

    assert len(re.findall(r'data-row="hold ', shown)) == 1
    assert all(f"reason {number}" in shown for number in range(5))
    assert "Release all 5" in shown
    person.send("/switches/release", target=target, back="/switches")
    said = person.get("/switches").text
    assert "Released: 5 holds, person 0: reason 0; person 1: reason 1" in said
    assert switches.held(engine) == []
