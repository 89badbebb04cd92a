"""
iCalendar files that say who is on call: each event whose title names a contact is a turn.

What the libraries drop in silence is refused here with its line: a turn that is lost is a page that
wakes nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import MAXYEAR, UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cct_ops.errors import BadConfiguration
from cct_ops.models.on_call import Planned

Event = Any  # icalendar's: a property is whatever its file makes of it

MOST_BYTES = 2 * 1024 * 1024
MOST_EVENTS = 5000
MOST_TURNS = 5000
_SHOWN = 60

# Anything faster is no rota, and takes for ever to count.
_STEPS = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SUMMARY", "STATUS")
# Outside of these a moment has no counterpart in every time zone. Birthdays begin in 1604.
_YEARS = range(1600, 9000)
_CYCLE_YEARS = 400  # after so many, the days of the month fall on the same days of the week
_CYCLE_SHORT_OF = 40  # of the last years, the least that are looked through
_NAME = re.compile(r"[A-Za-z0-9-]+")


class Turns(NamedTuple):
    """The turns that a calendar plans, and its events that name no contact."""

    planned: tuple[Planned, ...]
    passed_over: tuple[str, ...]


class _Line(NamedTuple):
    number: int
    name: str
    text: str


class _Refused(Exception):
    """Something in a line is not as it has to be."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line, self.words = line, words


def read(
    text: str,
    place: str,
    names: Mapping[str, Sequence[str]],
    timezone: str,
    begin: datetime,
    end: datetime,
) -> Turns:
    """
    Return who is on call from ``begin`` to ``end``; ``names`` are those of each contact, by id.

    Events without a time zone are meant by ``timezone``, those of whole days too. Raises
    ``BadConfiguration`` with place, line and reason.
    """
    try:
        return _read(text, names, ZoneInfo(timezone), begin, end)
    except _Refused as refused:
        raise BadConfiguration(f"{place}:{refused.line}: {refused.words}.") from None


def _read(
    text: str, names: Mapping[str, Sequence[str]], zone: ZoneInfo, begin: datetime, end: datetime
) -> Turns:
    import recurring_ical_events
    from icalendar import Calendar

    lines = list(_lines(text))
    blocks = _events(lines)
    try:
        calendar = Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError) as error:
        raise _Refused(1, f"not a calendar that can be read ({type(error).__name__})") from None
    events = calendar.walk("VEVENT")
    if len(events) != len(blocks):  # of what we count otherwise than the library, nothing is known
        raise _Refused(1, "its events cannot be told apart: is each BEGIN closed by its END")
    passed_over = []
    for event, block in zip(events, blocks, strict=True):
        _check(event, block)
        title = str(event.get("SUMMARY", ""))
        person = _person(title, _attendees(event), names)
        if person is None:
            passed_over.append(f"{title[:_SHOWN] or 'without a title'} (line {block[0].number})")
        else:
            _check_length(event, block)
    found = []
    try:
        for each in recurring_ical_events.of(calendar, skip_bad_series=False).between(begin, end):
            if str(each.get("STATUS", "")).upper() == "CANCELLED":
                continue
            person = _person(str(each.get("SUMMARY", "")), _attendees(each), names)
            if person is not None:
                turn = _moment(each.start, zone), _moment(each.end, zone)
                found.append(Planned(person=person, begins=turn[0], ends=turn[1]))
            if len(found) > MOST_TURNS:
                raise _Refused(1, f"more than {MOST_TURNS} turns: is this the calendar of a rota")
    except (ValueError, KeyError, OverflowError) as error:
        raise _Refused(1, f"its events cannot be counted ({type(error).__name__})") from None
    found.sort(key=lambda each: (each.begins, each.ends, each.person))
    return Turns(tuple(found), tuple(dict.fromkeys(passed_over)))


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines as they are meant, each with the number where it begins."""
    if len(text.encode()) > MOST_BYTES:
        raise _Refused(1, f"larger than {MOST_BYTES // 1024 // 1024} MiB")
    number, whole = 0, ""
    for place, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if line[:1] in {" ", "\t"} and whole:
            whole += line[1:]
            continue
        if whole:
            yield _line(number, whole)
        number, whole = place, line
    if whole:
        yield _line(number, whole)


def _line(number: int, text: str) -> _Line:
    name = _NAME.match(text)
    if name is None or text[name.end() : name.end() + 1] not in {":", ";"} or ":" not in text:
        if number == 1:
            raise _Refused(1, "not an iCalendar file: it has to begin with BEGIN:VCALENDAR")
        raise _Refused(number, "not a line of an iCalendar: it has to read NAME:value")
    return _Line(number, name[0].upper(), text)


def _events(lines: Sequence[_Line]) -> list[list[_Line]]:
    """Return the lines of each event; raises where something is not closed."""
    if not lines or lines[0].text.strip().upper() != "BEGIN:VCALENDAR":
        raise _Refused(1, "not an iCalendar file: it has to begin with BEGIN:VCALENDAR")
    open_ones: list[tuple[str, int]] = []
    events: list[list[_Line]] = []
    for line in lines:
        kind = line.text.partition(":")[2].strip().upper()
        if line.name == "BEGIN":
            open_ones.append((kind, line.number))
            if kind == "VEVENT":
                events.append([line])
        elif line.name == "END":
            if not open_ones or open_ones[-1][0] != kind:
                last = (
                    f"BEGIN:{open_ones[-1][0]} of line {open_ones[-1][1]} is still open"
                    if open_ones
                    else "nothing is open"
                )
                raise _Refused(line.number, f"END:{kind}, while {last}")
            open_ones.pop()
        elif open_ones and open_ones[-1][0] == "VEVENT":
            events[-1].append(line)
    if open_ones:
        kind, number = open_ones[-1]
        raise _Refused(number, f"BEGIN:{kind} is never closed: the file is cut off")
    if len(events) > MOST_EVENTS:
        raise _Refused(1, f"more than {MOST_EVENTS} events: is this the calendar of a rota")
    return events


def _check(event: Event, block: Sequence[_Line]) -> None:
    """Refuse an event of which the library would drop or guess something."""
    for name, words in event.errors:
        where = _where(block, name) if name else block[0].number
        raise _Refused(where, f"{name or 'a line'} cannot be read: {_plain(words)}")
    if "DTSTART" not in event:
        raise _Refused(block[0].number, "an event without DTSTART")
    for name in _ONCE:
        if len(_values(event, name)) > 1:
            raise _Refused(_where(block, name), f"{name} stands in one event more than once")
    for name in _TIMES:
        for value in _values(event, name):
            if words := _wrong_with_time(name, value):
                raise _Refused(_where(block, name), words)
    for rule in _values(event, "RRULE"):
        if words := _wrong_with(rule, event["DTSTART"].dt):
            raise _Refused(_where(block, "RRULE"), words)


def _wrong_with_time(name: str, value: Event) -> str | None:
    """Return why a moment cannot be told; None where it can."""
    moments = [each.dt for each in getattr(value, "dts", [value])]
    naive = any(isinstance(m, datetime) and m.tzinfo is None for m in moments)
    if value.params.get("TZID") and naive:
        return f"{name} is in a time zone that nobody knows"
    if any(isinstance(m, date) and m.year not in _YEARS for m in moments):
        return f"{name} is not between {_YEARS[0]} and {_YEARS[-1]}"
    return None


def _wrong_with(rule: Event, start: date) -> str | None:
    """Return why a rule cannot be counted, or only for ever; None where it can."""
    steps = {str(each).upper() for each in rule.get("FREQ", [])}
    within = [name for name in _WITHIN_A_DAY if name in rule]
    if not steps <= _STEPS or within:
        fast = ", ".join([*sorted(steps - _STEPS), *within])
        return f"comes again more than once a day ({fast}): no rota does"
    if any(each < 1 for name in ("INTERVAL", "COUNT") for each in rule.get(name, [])):
        return "INTERVAL and COUNT are numbers from 1 on"
    try:
        if not _comes(rule, start):
            return f"comes on no day in {_CYCLE_YEARS} years: nothing is all that its rule asks for"
    except ValueError as error:
        return f"its rule cannot be counted: {_plain(error)}"
    return None


def _comes(rule: Event, start: date) -> bool:
    """
    True if there is a day that fulfils a rule.

    Where there is none, the library looks for one until the year 9999. So its search begins in the
    last of the cycles in which days of the month and of the week come again, and soon ends.
    """
    from dateutil.rrule import rrulestr

    unending = rule.copy()
    for name in ("COUNT", "UNTIL"):
        unending.pop(name, None)
    cycles = (MAXYEAR - _CYCLE_SHORT_OF - start.year) // _CYCLE_YEARS
    begin = datetime(start.year + cycles * _CYCLE_YEARS, start.month, start.day)  # noqa: DTZ001 -- days alone count
    return next(iter(rrulestr(unending.to_ical().decode(), dtstart=begin)), None) is not None


def _check_length(event: Event, block: Sequence[_Line]) -> None:
    """Refuse a turn that has no end, or one that is not after its beginning."""
    start = event["DTSTART"].dt
    whole_days = not isinstance(start, datetime)
    if "DTEND" not in event and "DURATION" not in event and not whole_days:
        raise _Refused(block[0].number, "an event without DTEND or DURATION lasts no time")
    if "DTEND" in event:
        end = event["DTEND"].dt
        if isinstance(end, datetime) == whole_days:
            words = "DTSTART and DTEND are not both days or both times"
            raise _Refused(_where(block, "DTEND"), words)
        if _moment(end, ZoneInfo("UTC")) <= _moment(start, ZoneInfo("UTC")):
            raise _Refused(_where(block, "DTEND"), "DTEND is not after DTSTART")
    elif "DURATION" in event and event["DURATION"].dt.total_seconds() <= 0:
        raise _Refused(_where(block, "DURATION"), "DURATION is no time at all")


def _values(event: Event, name: str) -> list[Any]:
    found = event.get(name)
    return found if isinstance(found, list) else [] if found is None else [found]


def _where(block: Sequence[_Line], name: str) -> int:
    return next((line.number for line in block if line.name == name), block[0].number)


def _attendees(event: Event) -> list[str]:
    return [str(each).lower().removeprefix("mailto:") for each in _values(event, "ATTENDEE")]


def _person(title: str, attendees: Sequence[str], names: Mapping[str, Sequence[str]]) -> str | None:
    """Return the contact whom the title names first, as whole words, or who attends."""
    places = [
        (found.start(), -len(name), contact)
        for contact, known in names.items()
        for name in known
        if (found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title, re.IGNORECASE))
    ]
    if places:
        return min(places)[2]
    known_by = {name.lower(): contact for contact, known in names.items() for name in known}
    return next((known_by[each] for each in attendees if each in known_by), None)


def _moment(value: date, zone: ZoneInfo) -> datetime:
    """Return a moment; a day is its midnight there."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _plain(words: object) -> str:
    """Return a library's words without its full stop, on one line and cut."""
    return " ".join(str(words).split())[:200].rstrip(".")
