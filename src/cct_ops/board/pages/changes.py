"""Temporary changes: what is weakened, until when, by whom, and its end."""

from __future__ import annotations

from cct_ops.board.page import Action, Asked, Board, Form, Page, Visitor
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.gate import changes as ledger_changes
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.role import Role
from cct_ops.variables import said

SHOWN = 100


class Changes(Frozen):
    """Those that have to be taken back, or the newest of all there were."""

    changes: tuple[TemporaryChange, ...]
    ended: bool


def read(board: Board, asked: Asked) -> Changes:
    """Read the open ones unless the address asks for all."""
    ended = asked.filter("state") == "all"
    found = ledger_changes.listed(board.engine, ended=ended)
    return Changes(changes=tuple(found[-SHOWN:][::-1] if ended else found), ended=ended)


def end(board: Board, visitor: Visitor, form: Form) -> str:
    """Ask for the run that puts back what was before, at once."""
    if not said("PREFECT_API_URL"):  # its client would start a server of its own
        raise BadConfiguration("Nothing was done: PREFECT_API_URL is not set for the board.")
    # Prefect's client is heavy, and needed here alone.
    from cct_ops.gate import scheduled_reverts

    change = ledger_changes.read(board.engine, form.id("change_id"))
    if not change.open:
        raise NotPermitted(f"{change.call} on {change.target} has ended: it is {change.state}.")
    run_id = scheduled_reverts.end(board.engine, change, by=visitor.signature)
    return f"Run {run_id} is asked to put back what was before {change.call}."


PAGE = Page(
    "changes",
    "Changes",
    "/changes",
    read,
    actions=(Action("/changes/{change_id}/end", Role.RESPONDER, end, seconds=60),),
)
