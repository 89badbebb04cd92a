"""Sandbox: something is broken on purpose, to see a whole incident; with a real CCT nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cct_ops.board.page import Action, Asked, Board, Done, Form, NoSuchPage, Page, Visitor
from cct_ops.models.role import Role

if TYPE_CHECKING:
    from cct_ops.scenarios.breakage import Breakage


class Sandbox(NamedTuple):
    """What can be broken."""

    faults: tuple[Breakage, ...]


def read(board: Board, asked: Asked) -> Sandbox:
    """Return the faults, in the order of their playbooks."""
    from cct_ops.scenarios.every import BREAKAGES  # with the sandbox's client, needed here alone

    return Sandbox(tuple(BREAKAGES.values()))


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
