"""
Every page of the board, in the order of the menu; the first is where people land.

To add one: a file here with a ``PAGE``, a template of its name, and a line in ``ALL``.
"""

from __future__ import annotations

from cct_ops.board.page import Board, Page, Visitor
from cct_ops.board.pages import (
    approval,
    approvals,
    changes,
    delivery,
    inbox,
    incident,
    incident_review,
    incidents,
    now,
    on_call,
    playbook,
    playbooks,
    sandbox,
    sessions,
    switches,
    system,
)

ALL: tuple[Page, ...] = (
    now.PAGE,
    incidents.PAGE,
    incident.PAGE,
    incident_review.PAGE,
    inbox.PAGE,
    delivery.PAGE,
    approvals.PAGE,
    approval.PAGE,
    changes.PAGE,
    playbooks.PAGE,
    playbook.PAGE,
    sandbox.PAGE,
    on_call.PAGE,
    switches.PAGE,
    system.PAGE,
    sessions.PAGE,
)


def menu(board: Board, visitor: Visitor) -> tuple[Page, ...]:
    """Return the pages that this person's menu leads to."""
    shown = (page for page in ALL if page.in_menu and visitor.may(page.needs))
    return tuple(page for page in shown if page.there(board))
