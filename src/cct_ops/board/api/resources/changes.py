"""Temporary changes: what is weakened until when, and its end."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Operation, PartOf, Text, action, cursor, place
from cct_ops.board.api.problem import misfit
from cct_ops.board.pages import changes as page
from cct_ops.ledger.gate import changes
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.role import Role
from cct_ops.record.incidents import Place

TAG = "changes"


class Asked(PartOf):
    """Which changes."""

    state: Literal["open", "all"] = Field(
        "open", description="What is to be taken back, all of it; or all there were, in parts."
    )


class Changes(Frozen):
    """Open ones by their end; of all there were a part, the newest first."""

    items: tuple[TemporaryChange, ...]
    next: str | None = Field(description="The cursor of the next part; null at the end.")


class Longer(Frozen):
    """For how long from now, and why."""

    minutes: int = Field(ge=1, le=1440)
    reason: Text = Field(max_length=page.LONGEST_REASON)


def listed(call: Call) -> Changes:
    """List them."""
    asked: Asked = call.query
    if asked.state == "open":
        if asked.cursor is not None:
            words = "The list of what is open has one part: leave it out"
            raise misfit(words, "query.cursor")
        return Changes(items=page.read(call.board, call.asked()).changes, next=None)
    after: Place | None = place(asked.cursor, Place)
    found = changes.page(call.board.engine, asked.limit + 1, after=after)
    shown, more = found[: asked.limit], len(found) > asked.limit
    return Changes(
        items=tuple(shown), next=cursor(shown[-1].created_at, shown[-1].id) if more else None
    )


def end(call: Call) -> Done:
    """Ask for its end."""
    form = action(page.PAGE, "/changes/{change_id}/end")
    return Done(done=call.act(form), page=call.page("/changes"))


def extend(call: Call) -> Done:
    """Let it last longer."""
    wanted: Longer = call.body
    change_id = call.id("change_id")
    form = action(page.PAGE, "/changes/{change_id}/extend")
    fields = {"minutes": str(wanted.minutes), "reason": wanted.reason, "once": call.once}
    called = {f"{name} {change_id}": name for name in fields}
    return Done(done=call.act(form, fields, called), page=call.page("/changes"))


OPERATIONS = (
    Operation(
        "get",
        "/changes",
        "listChanges",
        TAG,
        "What is weakened, until when",
        listed,
        Changes,
        query=Asked,
    ),
    Operation(
        "post",
        "/changes/{change_id}/end",
        "endChange",
        TAG,
        "Put back now what was before",
        end,
        Done,
        needs=Role.RESPONDER,
        seconds=60,
        more="It is a run in Prefect, which is asked for; asked for twice it is one run.",
    ),
    Operation(
        "post",
        "/changes/{change_id}/extend",
        "extendChange",
        TAG,
        "Let it last longer",
        extend,
        Done,
        needs=Role.RESPONDER,
        body=Longer,
        seconds=60,
        more="Where a person's yes made it, a run asks for another one. 422 where policy lets it"
        " last no longer.",
    ),
)
