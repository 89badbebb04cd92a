"""Sessions: who is signed in on the board, by what proof, and the end of it."""

from __future__ import annotations

from cct_ops.board.page import Action, Asked, Board, Form, Page, Visitor
from cct_ops.errors import NotPermitted
from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.people.sign_ins import Session
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role


class Sessions(Frozen):
    """Those that count, or the newest of all there were."""

    sessions: tuple[Session, ...]
    ended: bool


def read(board: Board, asked: Asked) -> Sessions:
    """Read the ones that count unless the address asks for all."""
    ended = asked.filter("state") == "all"
    return Sessions(sessions=tuple(sign_ins.sessions(board.engine, ended=ended)), ended=ended)


def revoke(board: Board, visitor: Visitor, form: Form) -> str:
    """End somebody's session at once."""
    if not sign_ins.revoke(board.engine, form.id("session_id"), visitor.signature):
        raise NotPermitted("This session has ended already.")
    return "The session is over: its next request is a stranger's."


PAGE = Page(
    "sessions",
    "Sessions",
    "/sessions",
    read,
    needs=Role.ADMIN,
    actions=(Action("/sessions/{session_id}/revoke", Role.ADMIN, revoke),),
)
