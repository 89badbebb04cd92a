"""Who is on call, and who stands in for whom, at the command line."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from cct_ops.ledger import clock
from cct_ops.ledger.people import covers, on_call_calendars
from cct_ops.models.on_call import Planned
from tests.commands.conftest import Program, Typed
from tests.people.paging.on_call import PRIMARY, as_file, covered


@pytest.fixture(autouse=True)
def contacts_path(on_ledger: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Contacts with a rota: Ana and Ben by turns, then the owner."""
    path = tmp_path / "contacts.yaml"
    path.write_text(yaml.safe_dump(as_file({**PRIMARY, "people": ["ana", "ben"]})))
    monkeypatch.setenv("CCT_OPS_CONTACTS_PATH", str(path))
    return path


def said(typed: Typed, *words: str) -> Any:
    """Return what a program reads."""
    return json.loads(typed(["on-call", *words, "--json"]))


def test_it_says_who_is_on_call_until_when_and_who_is_next(typed: Typed, engine: sa.Engine) -> None:
    first, fallback = said(typed)

    assert {first["person"], first["then"]} == {"ana", "ben"}
    assert first["why"].startswith("primary, by the rota until Mon ")
    until = datetime.fromisoformat(first["until"])
    assert timedelta() < until - clock.read(engine) <= timedelta(days=7)
    assert (fallback["layer"], fallback["person"]) == (None, "owner")
    (later, _) = said(typed, "--at", (until + timedelta(hours=1)).isoformat())
    assert later["person"] == first["then"]
    assert first["person"] in typed("on-call")


def test_a_cover_is_entered_shown_and_withdrawn(typed: Typed, engine: sa.Engine) -> None:
    cover = ["on-call", "cover", "owner", "--for", "primary", "--until", "2h", "--reason", "flu"]

    assert "owner covers for primary from" in typed(cover)

    assert said(typed)[0]["person"] == "owner"
    assert "covers for primary until" in said(typed)[0]["why"]
    (row,) = said(typed, "covers")
    assert (row["person"], row["instead_of"], row["reason"]) == ("owner", "primary", "flu")
    assert row["stands"] == "now"
    assert {each["by"] for each in said(typed, "turns")} == {"override", "rota"}
    typed(f"on-call withdraw {row['id'][:8]}")
    assert said(typed)[0]["person"] != "owner"
    assert said(typed, "covers") == []
    assert [each["stands"] for each in said(typed, "covers", "--all")] == ["over"]
    assert "Nobody covers for anybody." in typed("on-call covers")


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("cover bo --for ana --until 2h --reason flu", "No contact is called bo: known are"),
        ("cover owner --for bo --until 2h --reason flu", "No contact or layer is called bo"),
        ("cover owner --for ana --until soon --reason flu", "'soon' is no moment"),
        ("cover owner --for ana --until 900d --reason flu", "366 days at most"),
        ("cover owner --for ana --from 3h --until 2h --reason flu", "after its beginning"),
        ("cover owner --for ana --until 2h --reason ''", "needs a reason"),
        ("--at 2999-01-01", "within a year"),
        ("turns --weeks 99", "from 1 to 52"),
        ("withdraw nothing", "is no id"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(program: Program, words: str, refused: str) -> None:
    given = [each.strip("'") for each in words.split(" ")]

    ended = program("on-call", *given)

    assert (ended.code, refused in ended.err) == (1, True), ended.err
    assert "Traceback" not in ended.err


def test_a_second_cover_for_the_same_time_is_told_of_the_first(
    program: Program, engine: sa.Engine
) -> None:
    covered(engine, "owner", "ana")

    ended = program(*("on-call", "cover", "ben", "--for", "ana", "--until", "1h", "--reason", "no"))

    assert ended.code == 1
    assert "owner covers for ana from" in ended.err
    assert len(covers.newest(engine, 9)) == 1


def test_without_a_rota_the_contacts_are_tried_in_their_order(
    typed: Typed, contacts_path: Path
) -> None:
    contacts_path.write_text("contacts: [{id: a, block: x/y}]")

    (only,) = said(typed)

    assert (only["person"], only["why"]) == ("a", "in the order of the contacts")
    assert "There is no rota" in typed("on-call turns")


def test_a_calendar_that_is_broken_is_said_also_while_its_last_good_copy_holds(
    program: Program, contacts_path: Path, engine: sa.Engine
) -> None:
    layer = {"name": "primary", "calendar": {"path": "on-call.ics"}, "timezone": "UTC"}
    contacts_path.write_text(yaml.safe_dump(as_file(layer)))
    place, at = "on-call.ics", clock.read(engine)
    turn = Planned(person="ana", begins=at - timedelta(hours=1), ends=at + timedelta(hours=9))
    on_call_calendars.keep(engine, "primary", place, [turn], [], at + timedelta(days=400))
    assert program("on-call").err == ""

    on_call_calendars.mark_unread(engine, "primary", place, "on-call.ics:7: DTSTART is wrong.")

    for words in ("on-call", "on-call turns", "on-call --json"):
        ended = program(*words.split())
        assert (ended.code, "ana" in ended.out) == (0, True)
        assert ended.err == (
            "The calendar of primary cannot be read: on-call.ics:7: DTSTART is wrong."
            f" What it said at {at:%Y-%m-%d %H:%M} UTC holds.\n"
        )

    with engine.begin() as tx:
        tx.execute(sa.text("update on_call_calendars set read_at = null, planned = '[]'"))
    assert "It never could be, so the fallback is on call.\n" in program("on-call").err
