"""Who is on call: now, in the next four weeks, and who stands in for whom."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Moment, Name, Operation, Text, action
from cct_ops.board.api.problem import Refusal
from cct_ops.board.pages import on_call as page
from cct_ops.errors import BadConfiguration
from cct_ops.ledger import clock
from cct_ops.ledger.people.covers import Wanted
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import Cover, Turn
from cct_ops.models.role import Role

TAG = "on-call"


class Called(Frozen):
    """One who is tried, in the order of the list, and why it is this one."""

    id: str
    name: str
    why: str
    layer: str | None
    until: datetime | None = Field(description="Until when, where that is within five weeks.")
    then: str | None = Field(description="Whose turn is next, by name.")


class Layer(Frozen):
    """One layer of the rota, and its turns in four weeks."""

    name: str
    turns: tuple[Turn, ...]


class Calendar(Frozen):
    """What is known of the calendar of a layer; of a broken one its last good copy holds."""

    layer: str
    read_at: datetime | None = Field(description="When it could be read last; null if never.")
    problem: str | None = Field(description="Why it cannot be read; null while it can.")


class Duty(Frozen):
    """Who is called now, in which order, and who will be."""

    line: tuple[Called, ...]
    layers: tuple[Layer, ...]
    covers: tuple[Cover, ...]
    calendars: tuple[Calendar, ...]
    people: dict[str, str] = Field(description="What each contact is called, by id.")


class NewCover(Frozen):
    """Who stands in for whom, until when and why."""

    person: Name = Field(description="The id of the contact who covers.")
    instead_of: Name = Field(description="A contact's id, or the name of a layer.")
    begins: Moment | None = Field(None, description="From now on where it is left out.")
    ends: Moment
    reason: Text = Field(max_length=300)


def read(call: Call) -> Duty:
    """Read it, as its page does."""
    found = page.read(call.board, call.asked())
    return Duty(
        line=tuple(
            Called(
                id=each.contact.id,
                name=each.contact.shown,
                why=each.why,
                layer=each.layer,
                until=each.until,
                then=each.then.shown if each.then else None,
            )
            for each in found.line
        ),
        layers=tuple(
            Layer(name=each.name, turns=tuple(shown.turn for shown in each.turns))
            for each in found.layers
        ),
        covers=found.covers,
        calendars=tuple(
            Calendar(layer=each.layer, read_at=each.read_at, problem=each.problem)
            for each in found.calendars
        ),
        people=found.people,
    )


def cover(call: Call) -> Done:
    """Let somebody stand in for another."""
    asked: NewCover = call.body
    wanted = Wanted(
        person=asked.person,
        instead_of=asked.instead_of,
        begins=asked.begins or clock.read(call.board.engine),
        ends=asked.ends,
        reason=asked.reason,
    )
    try:
        done = page.enter(call.board, call.visitor, wanted)
    except BadConfiguration as error:
        raise Refusal(422, f"Nothing was done. {error}") from None
    return Done(done=done, page=call.page("/on-call"))


def withdraw(call: Call) -> Done:
    """Take a cover back."""
    form = action(page.PAGE, "/on-call/covers/{cover_id}/withdraw")
    return Done(done=call.act(form), page=call.page("/on-call"))


OPERATIONS = (
    Operation("get", "/on-call", "readOnCall", TAG, "Who is on call, and until when", read, Duty),
    Operation(
        "post",
        "/on-call/cover",
        "cover",
        TAG,
        "Let somebody stand in for another on call",
        cover,
        Done,
        needs=Role.RESPONDER,
        body=NewCover,
        more="The same cover entered again is one. 409 where another one stands in then.",
    ),
    Operation(
        "post",
        "/on-call/covers/{cover_id}/withdraw",
        "withdrawCover",
        TAG,
        "Take a cover back, from now on",
        withdraw,
        Done,
        needs=Role.RESPONDER,
    ),
)
