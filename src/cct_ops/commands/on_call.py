"""``cct-ops on-call``: who is on call, from when until when, and who stands in for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.moments import moment
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import columns, say, show

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cct_ops.config.contacts import Contacts

on_call = App(name="on-call")

_FARTHEST = timedelta(days=366)
_MOMENT = "2h, 18:30 or 2026-11-24T18:30."

_NOW = columns("layer", person="on call", until="until (UTC)", then="then", why="why")
_TURNS = columns("layer", begins="from (UTC)", ends="until (UTC)", person="on call", by="by")
_COVERS = columns(
    "id",
    "person",
    instead_of="covers for",
    begins="from (UTC)",
    ends="until (UTC)",
    reason="why",
    entered_by="entered by",
    stands="stands",
)


@on_call.default
def who(
    *,
    at: Annotated[str, Parameter(help=f"Not now but then: {_MOMENT}")] = "",
    as_json: Json = False,
) -> int:
    """Show who is paged, in order: who has each layer, until when and why, and who is next."""
    from cct_ops.ledger import clock
    from cct_ops.ledger.people import on_call as rows

    engine, contacts = ledger(), _contacts()
    now = clock.read(engine)
    then = moment(at, now) if at else now
    if abs(then - now) > _FARTHEST:
        raise BadConfiguration("--at is a moment within a year from now")
    shown = [
        {
            "layer": each.layer,
            "person": each.contact.id,
            "name": each.contact.name,
            "until": each.until,
            "then": each.then.id if each.then else None,
            "why": each.why,
            "way": each.contact.way,
        }
        for each in rows.line(engine, contacts, then)
    ]
    _warn_of_calendars(engine, contacts)
    show(_NOW, shown, as_json=as_json)
    return 0


@on_call.command
def turns(
    *,
    weeks: Annotated[int, Parameter(help="How many weeks from now on.")] = 4,
    as_json: Json = False,
) -> int:
    """List whose turn it is in each layer, week by week, with the gaps that the fallback fills."""
    from cct_ops.ledger import clock
    from cct_ops.ledger.people import on_call as rows

    if not 1 <= weeks <= 52:
        raise BadConfiguration("--weeks is a number from 1 to 52")
    engine, contacts = ledger(), _contacts()
    now = clock.read(engine)
    layers = rows.schedule(engine, contacts, now, now + timedelta(weeks=weeks))
    shown = [
        {
            "layer": turn.layer,
            "begins": turn.begins,
            "ends": turn.ends,
            "person": turn.person,
            "by": turn.by.value,
            "covers_for": turn.cover.instead_of if turn.cover else None,
            "reason": turn.cover.reason if turn.cover else None,
        }
        for found in layers.values()
        for turn in found
    ]
    _warn_of_calendars(engine, contacts)
    empty = "There is no rota: the contacts are tried in their order, always."
    show(_TURNS, shown, as_json=as_json, empty=empty)
    return 0


@on_call.command
def cover(
    who_covers: Annotated[str, Parameter(name="PERSON", help="The id of the contact who covers.")],
    *,
    instead_of: Annotated[str, Parameter(name="--for", help="A contact's id, or a layer's name.")],
    until: Annotated[str, Parameter(help=f"The end: {_MOMENT}")],
    reason: Annotated[str, Parameter(help="Why; kept in the record.")],
    begins: Annotated[str, Parameter(name="--from", help=f"Not from now on: {_MOMENT}")] = "",
) -> int:
    """
    Let one person stand in for another: for a contact, or for whoever has a layer.

    At any time one stands in for the same person or layer; another is refused until that one is
    withdrawn. Of a cover there is no cover, so two can swap.
    """
    from cct_ops.ledger import clock
    from cct_ops.ledger.people import covers

    engine = ledger()
    now = clock.read(engine)
    wanted = covers.Wanted(
        person=who_covers,
        instead_of=instead_of,
        begins=moment(begins, now) if begins else now,
        ends=moment(until, now),
        reason=reason,
    )
    covers.check(wanted, _contacts())
    made = covers.record(engine, wanted, person())
    say(
        f"{made.person} covers for {made.instead_of} from {made.begins:%Y-%m-%d %H:%M} to"
        f" {made.ends:%Y-%m-%d %H:%M} UTC. To take that back: cct-ops on-call withdraw {made.id}"
    )
    return 0


@on_call.command
def covers(
    *,
    all_: Annotated[
        bool, Parameter(name="--all", help="The newest 100, also those that are over or withdrawn.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List who stands in for whom, now or later."""
    from cct_ops.ledger import clock, ids
    from cct_ops.ledger.people import covers as rows

    engine = ledger()
    now = clock.read(engine)
    found = rows.newest(engine, 100) if all_ else rows.standing(engine)
    short = ids.shortened(engine, [each.id for each in found], ids.Kind.COVER)
    shown = [
        each.model_dump() | {"stands": _stands(each.holds(now), later=each.over_at > now)}
        for each in found
    ]
    show(_COVERS, shown, as_json=as_json, short=short, empty="Nobody covers for anybody.")
    return 0


@on_call.command
def withdraw(
    cover_id: Annotated[
        str,
        Parameter(name="ID", help="Its id, or as much of it as `cct-ops on-call covers` shows."),
    ],
) -> int:
    """Take a cover back: from now on whoever it was for is on call again."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import covers

    engine = ledger()
    listed_by = "cct-ops on-call covers --all"
    meant = ids.one(engine, cover_id, ids.Kind.COVER, listed_by=listed_by)
    ended = covers.withdraw(engine, meant, person())
    say(f"{ended.person} covers for {ended.instead_of} no more.")
    return 0


def _stands(now: bool, *, later: bool) -> str:
    return "now" if now else "to come" if later else "over"


def _warn_of_calendars(engine: sa.Engine, contacts: Contacts) -> None:
    """Say beside the list which calendars cannot be read: what it shows may be out of date."""
    from cct_ops.ledger.people import on_call as rows

    for each in rows.calendars(engine, contacts):
        if each.problem is None:
            continue
        holds = (
            f"What it said at {each.read_at:%Y-%m-%d %H:%M} UTC holds."
            if each.read_at
            else "It never could be, so the fallback is on call."
        )
        say(f"The calendar of {each.layer} cannot be read: {each.problem} {holds}", stderr=True)


def _contacts() -> Contacts:
    from cct_ops.config import contacts
    from cct_ops.settings import Settings

    return contacts.read(Settings.load().contacts_path)
