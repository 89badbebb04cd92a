"""Approvals: what waits for a person's yes, the next to expire first."""

from __future__ import annotations

from cct_ops.board.page import Asked, Board, Page
from cct_ops.ledger.gate import approvals as requests
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.models.base import Frozen


class Approvals(Frozen):
    """The open requests."""

    waiting: tuple[Pending, ...]


def read(board: Board, asked: Asked) -> Approvals:
    """Read them."""
    return Approvals(waiting=tuple(requests.pending(board.engine)))


PAGE = Page("approvals", "Approvals", "/approvals", read)
