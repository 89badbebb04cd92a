"""The controller reads calendars; what cannot be read leaves the last good copy as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.config.contacts import Contacts
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.ledger import clock
from cct_ops.ledger.people import on_call
from cct_ops.people.rota import Calendars
from tests.config.test_calendars import calendar, event
from tests.controller.wire import Answer, wire
from tests.people.paging.on_call import SECONDARY, rota

EVERY_DAY = ("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY")
ANA = calendar(event(*EVERY_DAY, title="Ana"), event(*EVERY_DAY, title="Lunch"))
BEN = calendar(event(*EVERY_DAY, title="Ben"))


def by_calendar(**place: object) -> Contacts:
    """A rota whose first layer is a calendar."""
    return rota({"name": "primary", "timezone": "UTC", "calendar": place}, SECONDARY)


def first(engine: sa.Engine, known: Contacts) -> str:
    """Return who is on call."""
    return on_call.line(engine, known, clock.read(engine))[0].contact.id


def problem(engine: sa.Engine, known: Contacts) -> str | None:
    """Return what is wrong with the calendar."""
    (copy,) = on_call.calendars(engine, known)
    return copy.problem


def test_a_file_is_read_again_each_time_and_a_bad_one_changes_nothing(
    engine: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "on-call.ics"
    path.write_text(ANA)
    known = by_calendar(path=str(path))
    read = Calendars(engine, known)
    read()
    assert first(engine, known) == "ana"
    (copy,) = on_call.calendars(engine, known)
    assert copy.passed_over == ("Lunch (line 11)",)

    for wrong, said in (
        (ANA[:200].encode(), f"{path}:"),
        (b"\xff\xfe\n", f"{path}:1: is not UTF-8 text"),
        (b"x" * (3 << 20), f"{path}: larger than 2 MiB"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(BadConfiguration, match=said):
            read()
        assert first(engine, known) == "ana"
        assert str(problem(engine, known)).startswith(said)

    path.unlink()
    with pytest.raises(BadConfiguration, match="there is no such file"):
        read()
    path.write_text(BEN)
    read()
    assert first(engine, known) == "ben"
    assert problem(engine, known) is None


def test_a_calendar_that_never_could_be_read_has_nobody(engine: sa.Engine, tmp_path: Path) -> None:
    known = by_calendar(path=str(tmp_path / "none.ics"))

    with pytest.raises(BadConfiguration):
        Calendars(engine, known)()

    assert first(engine, known) == "owner"
    assert "no such file" in str(problem(engine, known))


def test_an_address_is_asked_and_while_it_does_not_answer_the_last_copy_holds(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = by_calendar(url={"env": "CALENDAR"})
    answers = iter(
        (
            Answer(200, ANA.encode()),
            Answer(500),
            Answer(404),
            Answer(302, headers={"Location": "/elsewhere"}),
            Answer(200, b"<html>"),
        )
    )
    with wire(lambda _: next(answers)) as server:
        monkeypatch.setenv("CALENDAR", f"{server.url}/private/s3cret.ics")
        Calendars(engine, known)()
        assert first(engine, known) == "ana"

        for kind, said in (
            (Unavailable, "answered 500"),
            (BadConfiguration, "answered 404"),
            (BadConfiguration, "answered 302"),
            (BadConfiguration, ":1: not an iCalendar file"),
        ):
            with pytest.raises(kind, match=said) as failed:
                Calendars(engine, known)()
            assert "s3cret" not in str(failed.value)
            assert first(engine, known) == "ana"

    with pytest.raises(Unavailable, match="No answer from the calendar at CALENDAR"):
        Calendars(engine, known)()


def test_an_address_is_asked_every_five_minutes_and_one_that_failed_at_the_next_turn(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = by_calendar(url={"env": "CALENDAR"})
    answers = iter((Answer(503), Answer(200, ANA.encode())))
    with wire(lambda _: next(answers)) as server:
        monkeypatch.setenv("CALENDAR", f"{server.url}/on-call.ics")
        read = Calendars(engine, known)
        with pytest.raises(Unavailable):
            read()
        for _ in range(3):
            read()
        assert len(server.requests) == 2


@pytest.mark.parametrize("address", ["http://calendars.example/x.ics", "file:///etc/passwd", "s3"])
def test_only_https_is_asked(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CALENDAR", address)

    with pytest.raises(BadConfiguration, match=r"What is in CALENDAR is (no https|not an http)"):
        Calendars(engine, by_calendar(url={"env": "CALENDAR"}))()
