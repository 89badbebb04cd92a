"""Who is on call: now, in the next four weeks, and who stands in for whom."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from cct_ops.board.api.operation import Call, Operation
from cct_ops.board.pages import on_call as page
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import Cover, Turn


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


class Duty(Frozen):
    """Who is called now, in which order, and who will be."""

    line: tuple[Called, ...]
    layers: tuple[Layer, ...]
    covers: tuple[Cover, ...]
    people: dict[str, str]


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
        people=found.people,
    )


OPERATIONS = (
    Operation(
        "get", "/on-call", "readOnCall", "on-call", "Who is on call, and until when", read, Duty
    ),
)
