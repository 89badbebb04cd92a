"""On call: who has which layer of the rota, now and in four weeks, and who stands in for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cct_ops.board.page import Action, Asked, Board, FillAgain, Form, Page, Visitor
from cct_ops.config.contacts import Contacts
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger import clock
from cct_ops.ledger.people import covers, on_call
from cct_ops.ledger.people.covers import Wanted
from cct_ops.ledger.people.on_call import OnCall
from cct_ops.ledger.people.on_call_calendars import Copy
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import Cover, Turn
from cct_ops.models.role import Role

WEEKS = 4
_DAY_WIDTH = 40
NOTHING = "Nothing was done"


class Bar(Frozen):
    """One turn as it is drawn: where it begins and how wide it is, and the hue of its person."""

    x: float
    width: float
    hue: int
    name: str


class Shown(Frozen):
    """A turn with the name of its person."""

    turn: Turn
    name: str
    instead_of: str | None


class Layer(Frozen):
    """One layer: its turns in four weeks, as a list and as they are drawn."""

    name: str
    turns: tuple[Shown, ...]
    bars: tuple[Bar, ...]


class Duty(Frozen):
    """Everything on the page."""

    line: tuple[OnCall, ...]
    layers: tuple[Layer, ...]
    covers: tuple[Cover, ...]
    calendars: tuple[Copy, ...]
    people: dict[str, str]
    can_be_covered: dict[str, str]
    timezone: str
    weeks: tuple[str, ...]
    day_width: int = _DAY_WIDTH


def read(board: Board, asked: Asked) -> Duty:
    """Read it from the beginning of the day on: what is drawn is the same for as long."""
    contacts, engine = board.contacts(), board.engine
    zone = _zone(contacts)
    now = clock.read(engine)
    today = now.astimezone(ZoneInfo(zone)).date()
    begin = datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = begin + timedelta(weeks=WEEKS)
    people = {each.id: each.shown for each in contacts.contacts}
    found = on_call.schedule(engine, contacts, begin, end)
    return Duty(
        line=on_call.line(engine, contacts, now),
        layers=tuple(_layer(name, turns, people, begin) for name, turns in found.items()),
        covers=tuple(covers.standing(engine)),
        calendars=on_call.calendars(engine, contacts),
        people=people,
        can_be_covered={**people, **{name: f"whoever is {name}" for name in found}},
        timezone=zone,
        weeks=tuple(f"{begin + timedelta(weeks=week):%d %b}" for week in range(WEEKS)),
    )


def _zone(contacts: Contacts) -> str:
    """Return whose clocks are meant in the form: those of the first layer."""
    return contacts.rota.layers[0].timezone if contacts.rota else "UTC"


def _layer(name: str, turns: tuple[Turn, ...], people: dict[str, str], begin: datetime) -> Layer:
    hues = {person: number % 6 for number, person in enumerate(people)}
    day = timedelta(days=1) / _DAY_WIDTH
    bars = (
        Bar(
            x=round((each.begins - begin) / day, 1),
            width=max(1.0, round((each.ends - each.begins) / day - 2, 1)),
            hue=hues.get(each.person, 0),
            name=people.get(each.person, each.person),
        )
        for each in turns
    )
    shown = (
        Shown(
            turn=each,
            name=people.get(each.person, each.person),
            instead_of=people.get(each.cover.instead_of, each.cover.instead_of)
            if each.cover
            else None,
        )
        for each in turns
    )
    return Layer(name=name, turns=tuple(shown), bars=tuple(bars))


def cover(board: Board, visitor: Visitor, form: Form) -> str:
    """Let somebody stand in for another; what does not fit is said at its field."""
    zone = ZoneInfo(_zone(board.contacts()))
    now = clock.read(board.engine)
    wrong: dict[str, str] = {}

    def moment(name: str, usual: datetime | None) -> datetime:
        text = form.optional(name)
        try:
            if not text and usual is not None:
                return usual
            return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            wrong[name] = "Write a day and a time, such as 2026-11-24 18:30."
            return now

    begins, ends = moment("begins", now), moment("ends", None)
    for name, said in (("person", "who covers"), ("instead_of", "for whom"), ("reason", "why")):
        if not form.optional(name):
            wrong[name] = f"Say {said}."
    if not wrong and ends <= begins:
        wrong["ends"] = "The end must be after the beginning."
    if wrong:
        raise FillAgain(f"{NOTHING}: see what is marked.", wrong)
    wanted = Wanted(
        person=form.optional("person"),
        instead_of=form.optional("instead_of"),
        begins=begins,
        ends=ends,
        reason=form.optional("reason"),
    )
    try:
        return enter(board, visitor, wanted)
    except (BadConfiguration, NotPermitted) as error:
        said = f"{NOTHING}. {error}" if isinstance(error, BadConfiguration) else str(error)
        raise FillAgain(said, {}) from None


def enter(board: Board, visitor: Visitor, wanted: Wanted) -> str:
    """Enter a cover; raises ``BadConfiguration`` for one that makes no sense, ``NotPermitted``."""
    contacts = board.contacts()
    covers.check(wanted, contacts)
    made = covers.record(board.engine, wanted, visitor.signature)
    people = {each.id: each.shown for each in contacts.contacts}
    instead_of = people.get(made.instead_of, f"whoever is {made.instead_of}")
    until = on_call.when(made.ends, _zone(contacts))
    return f"{people[made.person]} covers for {instead_of} until {until}."


def withdraw(board: Board, visitor: Visitor, form: Form) -> str:
    """Take a cover back, from now on."""
    ended = covers.withdraw(board.engine, form.id("cover_id"), visitor.signature)
    return f"{ended.person} covers for {ended.instead_of} no more."


PAGE = Page(
    "on_call",
    "On call",
    "/on-call",
    read,
    actions=(
        Action("/on-call/cover", Role.RESPONDER, cover),
        Action("/on-call/covers/{cover_id}/withdraw", Role.RESPONDER, withdraw),
    ),
)
