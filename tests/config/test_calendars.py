"""A calendar says who is on call, or what is wrong with it and in which line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cct_ops.config import calendars
from cct_ops.config.calendars import Turns
from cct_ops.errors import BadConfiguration

NAMES = {"ana": ("ana", "Ana Ito", "ana@example.org"), "bo": ("bo", "Bo Okafor")}
MARCH, MAY = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


def event(*lines: str, title: str = "Ana Ito") -> str:
    """One event; its own lines begin at 7 in a calendar that has it alone."""
    all_lines = ("BEGIN:VEVENT", "UID:a", "DTSTAMP:20260101T000000Z", *lines, f"SUMMARY:{title}")
    return "\r\n".join((*all_lines, "END:VEVENT", ""))


def calendar(*events: str, head: str = "") -> str:
    """A calendar of these."""
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{head}{''.join(events)}"
        "END:VCALENDAR\r\n"
    )


def read(text: str, timezone: str = "Europe/Lisbon") -> Turns:
    """Read it for March and April."""
    return calendars.read(text, "on-call.ics", NAMES, timezone, MARCH, MAY)


def told(text: str, timezone: str = "Europe/Lisbon") -> list[str]:
    """Say whose turns there are, in UTC."""
    return [
        f"{each.person} {each.begins:%m-%d %H:%M} {each.ends:%m-%d %H:%M}"
        for each in read(text, timezone).planned
    ]


ZONED = ("DTSTART;TZID=Europe/Lisbon:20260316T090000", "DTEND;TZID=Europe/Lisbon:20260323T090000")


def test_what_comes_again_keeps_its_time_on_the_wall_but_for_what_is_taken_out() -> None:
    every = event(
        *ZONED, "RRULE:FREQ=WEEKLY;INTERVAL=2", "EXDATE;TZID=Europe/Lisbon:20260413T090000"
    )

    assert told(calendar(every)) == [
        "ana 03-16 09:00 03-23 09:00",
        "ana 03-30 08:00 04-06 08:00",
        "ana 04-27 08:00 05-04 08:00",
    ]


def test_a_week_over_the_change_of_clocks_ends_at_its_time_on_the_wall() -> None:
    week = (
        "DTSTART;TZID=Europe/Lisbon:20260309T230000",
        "DTEND;TZID=Europe/Lisbon:20260316T230000",
    )

    found = told(calendar(event(*week, "RRULE:FREQ=WEEKLY;COUNT=4")))

    assert found[2:] == ["ana 03-23 23:00 03-30 22:00", "ana 03-30 22:00 04-06 22:00"]


def test_one_of_a_series_that_was_moved_or_given_to_another_is_as_it_says() -> None:
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Lisbon:20260330T090000",
        "DTSTART;TZID=Europe/Lisbon:20260331T090000",
        "DTEND;TZID=Europe/Lisbon:20260406T090000",
        title="Bo Okafor",
    )

    found = told(calendar(event(*ZONED, "RRULE:FREQ=WEEKLY;COUNT=3"), moved))

    assert found == [
        "ana 03-16 09:00 03-23 09:00",
        "ana 03-23 09:00 03-30 08:00",
        "bo 03-31 08:00 04-06 08:00",
    ]


@pytest.mark.parametrize(
    ("times", "head", "said"),
    [
        # Days are those of the layer's zone, or of the calendar's own.
        (
            ("DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260312"),
            "",
            "03-09 15:00 03-11 15:00",
        ),
        (("DTSTART;VALUE=DATE:20260310",), "", "03-09 15:00 03-10 15:00"),
        (("DTSTART:20260310T090000", "DTEND:20260310T170000"), "", "03-10 00:00 03-10 08:00"),
        (("DTSTART:20260310T090000Z", "DURATION:PT8H"), "", "03-10 09:00 03-10 17:00"),
        (
            ("DTSTART:20260310T090000", "DTEND:20260310T170000"),
            "X-WR-TIMEZONE:Europe/Lisbon\r\n",
            "03-10 09:00 03-10 17:00",
        ),
        (
            ("DTSTART;TZID=W. Europe Standard Time:20260310T090000", "DURATION:PT8H"),
            "",
            "03-10 08:00 03-10 16:00",
        ),
    ],
)
def test_times_are_meant_by_the_zone_that_they_have(
    times: tuple[str, ...], head: str, said: str
) -> None:
    assert told(calendar(event(*times), head=head), "Asia/Tokyo") == [f"ana {said}"]


@pytest.mark.parametrize(
    ("title", "who"),
    [
        ("On call: ANA ITO", "ana"),
        ("bo for Ana Ito", "bo"),
        ("[L1] ana - Primary", "ana"),
        ("Bonnie's lunch", None),
        ("", None),
    ],
)
def test_the_contact_that_a_title_names_first_is_meant_by_whole_words(
    title: str, who: str | None
) -> None:
    found = read(calendar(event(*ZONED, title=title)))

    assert [each.person for each in found.planned] == ([who] if who else [])
    said = f"{title or 'without a title'} (line 4)"
    assert found.passed_over == (() if who else (said,))


def test_who_attends_is_meant_where_the_title_names_nobody() -> None:
    attended = event(*ZONED, "ATTENDEE;CN=Somebody:mailto:Ana@Example.org", title="Shift")

    assert told(calendar(attended)) == ["ana 03-16 09:00 03-23 09:00"]


def test_what_is_cancelled_does_not_count() -> None:
    assert told(calendar(event(*ZONED, "STATUS:CANCELLED"))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: not an iCalendar file"),
        ("<html>Sign in</html>", ":1: not an iCalendar file"),
        ("\x00\x01\x02", ":1: not an iCalendar file"),
        (
            calendar(event(*ZONED)).partition("DTEND")[0],
            ":4: BEGIN:VEVENT is never closed: the file is cut off",
        ),
        (
            calendar("BEGIN:VEVENT\r\nUID:a\r\n"),
            ":6: END:VCALENDAR, while BEGIN:VEVENT of line 4 is still open",
        ),
        (calendar(event(*ZONED, "what is this")), ":9: not a line of an iCalendar"),
        (calendar(event("DTSTART:2026-03-10")), ":7: DTSTART cannot be read"),
        (calendar(event("X-A:1")), ":4: an event without DTSTART"),
        (
            calendar(event("DTSTART;TZID=Mars/X:20260310T090000", "DURATION:P1D")),
            ":7: DTSTART is in a time zone that nobody knows",
        ),
        (calendar(event(*ZONED, "RRULE:FREQ=SOMETIMES")), ":9: RRULE cannot be read"),
        (
            calendar(event("DTSTART;TZID=Asia/Tokyo:00010101T000000", "DURATION:P1D")),
            ":7: DTSTART is not between 1600 and 8999",
        ),
        (
            calendar(event("DTSTART:20260310T090000Z", "DTEND;VALUE=DATE:99991231")),
            ":8: DTEND is not between 1600 and 8999",
        ),
        (calendar(event(*ZONED, ZONED[0])), ":7: DTSTART stands in one event more than once"),
        (calendar(event(*ZONED, ZONED[1])), ":8: DTEND stands in one event more than once"),
        (
            calendar(event(ZONED[0], "DURATION:P1D", "DURATION:P2D")),
            ":8: DURATION stands in one event more than once",
        ),
        # Counted by the library, these would take for ever.
        (
            calendar(event(*ZONED, "RRULE:FREQ=DAILY;INTERVAL=0")),
            ":9: INTERVAL and COUNT are numbers from 1 on",
        ),
        (
            calendar(event(*ZONED, "RRULE:FREQ=DAILY;BYMONTH=2,4;BYMONTHDAY=31")),
            ":9: comes on no day",
        ),
        *(
            (calendar(event(*ZONED, f"RRULE:FREQ={rule}")), ":9: comes on no day in 400 years")
            for rule in (
                "DAILY;BYYEARDAY=100;BYMONTH=12;COUNT=3",
                "WEEKLY;BYDAY=MO;BYSETPOS=5;UNTIL=20270101",
                "MONTHLY;BYDAY=MO;BYSETPOS=6",
                "YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",  # from 2026 on it meets no leap year
            )
        ),
        (
            calendar(event(*ZONED, "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0")),
            ":9: its rule cannot be counted: ",
        ),
        (calendar(event(*ZONED, "RRULE:FREQ=SECONDLY")), ":9: comes again more than once a day"),
        (
            calendar(event(*ZONED, "RRULE:FREQ=DAILY;BYMINUTE=1,2")),
            ":9: comes again more than once a day (BYMINUTE)",
        ),
        (calendar(event(*ZONED, "EXDATE:soon")), ":9: EXDATE cannot be read"),
        (calendar(event(ZONED[0])), ":4: an event without DTEND or DURATION lasts no time"),
        (
            calendar(event(ZONED[0], "DTEND;TZID=Europe/Lisbon:20260310T090000")),
            ":8: DTEND is not after DTSTART",
        ),
        (
            calendar(event(ZONED[0], "DTEND;VALUE=DATE:20260320")),
            ":8: DTSTART and DTEND are not both days or both times",
        ),
        (
            calendar(event("DESCRIPTION:one\r\n  and more", "DTSTART:2026-03-10")),
            ":9: DTSTART cannot be read",
        ),
    ],
)
def test_a_bad_calendar_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        read(text)

    assert str(refused.value).startswith(f"on-call.ics{said}")
