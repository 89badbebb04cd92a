"""Sandbox: what can be broken on purpose, where this stack runs its own sandbox in CCT's place."""

from __future__ import annotations

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Operation
from cct_ops.board.page import Form, NoSuchPage
from cct_ops.board.pages import sandbox as page
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

TAG = "sandbox"


class Fault(Frozen):
    """Something that can be broken, and what follows of it."""

    name: str
    title: str
    next: str = Field(description="What will happen, for who has never seen it.")
    playbook: str
    asks: int = Field(description="How many persons are asked for a yes.")
    targets: tuple[str, ...]


class Faults(Frozen):
    """All that can be broken."""

    faults: tuple[Fault, ...] = Field(description="None where CCT is a real one.")


def read(call: Call) -> Faults:
    """List them, as their page does."""
    if not page.PAGE.there(call.board):
        return Faults(faults=())
    found = page.read(call.board, call.asked()).faults
    return Faults(
        faults=tuple(
            Fault(
                name=each.name,
                title=each.title,
                next=each.next,
                playbook=each.playbook,
                asks=each.asks,
                targets=each.targets,
            )
            for each in found
        )
    )


def break_it(call: Call) -> Done:
    """Break one thing, and lead to its incident."""
    if not page.PAGE.there(call.board):
        raise NoSuchPage
    did = page.break_it(call.board, call.visitor, Form(call.places, {}))
    return Done(done=did.words, page=call.page(did.then))


OPERATIONS = (
    Operation("get", "/sandbox", "readSandbox", TAG, "What can be broken on purpose", read, Faults),
    Operation(
        "post",
        "/sandbox/{fault}/break",
        "breakSandbox",
        TAG,
        "Break something in the sandbox, and send its alert",
        break_it,
        Done,
        needs=Role.RESPONDER,
        seconds=30,
        more="Twice within ten seconds breaks it once. 404 where CCT is a real one.",
    ),
)
