"""Who is on call: by the rota or a calendar, by covers that people entered, or as a fallback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cct_ops.config.contacts import Contact, Contacts
from cct_ops.config.rota import Layer, Rota
from cct_ops.ledger.people import covers, on_call_calendars
from cct_ops.ledger.people.on_call_calendars import Copy
from cct_ops.ledger.statements import Ledger
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import By, Cover, Planned, Turn, turns

AHEAD = timedelta(days=35)
"""How far is looked ahead for the end of a turn; one that lasts longer has none that is shown."""


class OnCall(Frozen):
    """
    One who is tried, and why it is this one.

    Whoever has a layer of the rota has it ``until`` then, where that is within five weeks, and
    after that it is ``then`` who has it.
    """

    contact: Contact
    why: str
    layer: str | None = None
    until: datetime | None = None
    then: Contact | None = None


def line(ledger: Ledger, contacts: Contacts, at: datetime) -> tuple[OnCall, ...]:
    """Return who is tried at that moment, in order: one of each layer, then the fallback."""
    found = tuple(_line(ledger, contacts, at))
    first = {each.contact.id: each for each in reversed(found)}
    return tuple(each for each in found if first[each.contact.id] is each)


def first(ledger: Ledger, contacts: Contacts, at: datetime) -> tuple[OnCall, ...]:
    """Return who has the layers of the rota at that moment; without one who is tried first."""
    found = line(ledger, contacts, at)
    return tuple(each for each in found if each.layer) or found[:1]


def after(tried: Sequence[OnCall], step: int) -> Sequence[OnCall]:
    """Return who is tried from that step of the escalation on; at the end of it, the last."""
    return tried[min(step, len(tried) - 1) :]


def schedule(
    ledger: Ledger, contacts: Contacts, begin: datetime, end: datetime
) -> dict[str, tuple[Turn, ...]]:
    """Return the turns of each layer in this time, without a gap; nothing without a rota."""
    if contacts.rota is None:
        return {}
    entered = covers.between(ledger, begin, end)
    return _schedule(contacts.rota, _copies(ledger, contacts), entered, begin, end)


def _places(contacts: Contacts) -> dict[str, str]:
    """Return the calendar of each layer that has one."""
    layers = contacts.rota.layers if contacts.rota else ()
    return {each.name: each.calendar.name for each in layers if each.calendar}


def calendars(ledger: Ledger, contacts: Contacts) -> tuple[Copy, ...]:
    """Return what is known of the calendar of each layer that has one."""
    return tuple(_copies(ledger, contacts).values())


def _copies(ledger: Ledger, contacts: Contacts) -> dict[str, Copy]:
    """Return what is known of the calendars, without a question where the rota has none."""
    known = _places(contacts)
    return on_call_calendars.copies(ledger, known) if known else {}


def _schedule(
    rota: Rota, copies: Mapping[str, Copy], entered: Sequence[Cover], begin: datetime, end: datetime
) -> dict[str, tuple[Turn, ...]]:
    return {
        layer.name: turns(
            layer.name,
            _planned(layer, copies.get(layer.name), begin, end),
            entered,
            rota.fallback[0],
            begin,
            end,
        )
        for layer in rota.layers
    }


def _planned(layer: Layer, copy: Copy | None, begin: datetime, end: datetime) -> Iterator[Planned]:
    if layer.calendar is None:
        return layer.weekly(begin, end)
    return iter(copy.planned if copy else ())


def _line(ledger: Ledger, contacts: Contacts, at: datetime) -> Iterator[OnCall]:
    """Yield who is tried, some of them perhaps twice."""
    rota, zone = contacts.rota, "UTC"
    entered = covers.between(ledger, at, at + AHEAD)
    if rota is not None:
        zone = rota.layers[0].timezone
        copies = _copies(ledger, contacts)
        layers = _schedule(rota, copies, entered, at, at + AHEAD)
        unread = {
            each for each in _places(contacts) if not (c := copies.get(each)) or not c.read_at
        }
        for layer in rota.layers:
            turn, *later = layers[layer.name]
            yield OnCall(
                contact=contacts.by_id(turn.person),
                why=(
                    f"fallback: the calendar of {layer.name} could never be read"
                    if layer.name in unread and turn.by is By.FALLBACK
                    else _why(contacts, layer, turn, lasts=not later)
                ),
                layer=layer.name,
                until=turn.ends if later else None,
                then=contacts.by_id(later[0].person) if later else None,
            )
    listed = rota.fallback if rota else [contact.id for contact in contacts.contacts]
    why = "fallback, after those on call" if rota else "in the order of the contacts"
    standing = {each.instead_of: each for each in entered if each.holds(at)}
    for contact_id in listed:
        cover = standing.get(contact_id)
        if cover is None:
            yield OnCall(contact=contacts.by_id(contact_id), why=why)
        else:
            covered = f"override: {_covers(contacts, cover, zone)}"
            yield OnCall(contact=contacts.by_id(cover.person), why=covered)


def _why(contacts: Contacts, layer: Layer, turn: Turn, *, lasts: bool) -> str:
    if turn.cover is not None:
        return f"{layer.name}, override: {_covers(contacts, turn.cover, layer.timezone)}"
    plan = "calendar" if layer.calendar else "rota"
    if turn.by is By.FALLBACK:
        return f"fallback: the {plan} has nobody as {layer.name}"
    until = "" if lasts else f" until {when(turn.ends, layer.timezone)}"
    return f"{layer.name}, by the {plan}{until}"


def _covers(contacts: Contacts, cover: Cover, timezone: str) -> str:
    people = {each.id: each.shown for each in contacts.contacts}
    instead_of = people.get(cover.instead_of, cover.instead_of)
    return f"covers for {instead_of} until {when(cover.over_at, timezone)} ({cover.reason})"


def when(at: datetime, timezone: str) -> str:
    """Return a moment as the people of a layer read it on their wall."""
    return f"{at.astimezone(ZoneInfo(timezone)):%a %-d %b %H:%M} {timezone}"
