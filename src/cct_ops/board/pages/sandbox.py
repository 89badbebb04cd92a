"""Sandbox: something is broken on purpose, to see a whole incident; with a real CCT nowhere."""

from __future__ import annotations

from cct_ops.board.page import Action, Asked, Board, Done, Form, NoSuchPage, Page, Visitor
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role


class Fault(Frozen):
    """One that can be put in: its name, what it is called, and what will happen then."""

    name: str
    title: str
    next: str
    playbook: str
    asks: int


class Sandbox(Frozen):
    """What can be broken."""

    faults: tuple[Fault, ...]


def read(board: Board, asked: Asked) -> Sandbox:
    """Return the faults, in the order of their playbooks."""
    from cct_ops.scenarios.every import BREAKAGES  # with the sandbox's client, needed here alone

    return Sandbox(
        faults=tuple(
            Fault(
                name=each.name,
                title=each.title,
                next=each.next,
                playbook=each.playbook,
                asks=each.asks,
            )
            for each in BREAKAGES.values()
        )
    )


def break_it(board: Board, visitor: Visitor, form: Form) -> Done:
    """Put one fault into the sandbox, send its alert, and lead to the incident."""
    from cct_ops.board import breaking
    from cct_ops.scenarios.every import BREAKAGES

    breakage = BREAKAGES.get(form.places["fault"])
    if breakage is None:
        raise NoSuchPage
    incident = breaking.break_(board, breakage, visitor.name)
    words = f"{breakage.title}: the alert came in, and this is its incident."
    return Done(words, f"/incidents/{incident}")


PAGE = Page(
    "sandbox",
    "Sandbox",
    "/sandbox",
    read,
    actions=(Action("/sandbox/{fault}/break", Role.RESPONDER, break_it, seconds=30),),
    there=lambda board: board.own_sandbox() is not None,
)
