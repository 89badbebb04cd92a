"""Approval: one plan, why a person is asked, on what evidence, and the two buttons."""

from __future__ import annotations

from uuid import UUID

from cct_ops.board.page import Action, Asked, Board, Form, NoSuchPage, Page, Visitor
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import approval_answers, approvals as requests
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded
from cct_ops.models.role import Role
from cct_ops.reports import asking, manual
from cct_ops.reports.steps import Shown, shown


class Asking(Frozen):
    """One request, who has said yes so far, how it ended, and how its steps are done by hand."""

    approval: Approval
    yes: tuple[str, ...]
    open: bool
    ended: str | None
    so_far: str | None
    steps: tuple[Shown, ...]
    by_hand: tuple[str, ...]


def read(board: Board, asked: Asked) -> Asking:
    """Read the request."""
    approval_id: UUID = asked.place("approval_id")
    found = requests.find(board.engine, approval_id)
    if found is None:
        raise NoSuchPage
    with board.engine.connect() as connection:
        yes = approval_answers.said_yes(connection, found.id)
    pending = found.state is ApprovalState.PENDING
    return Asking(
        approval=found,
        yes=yes,
        open=pending,
        ended=None if pending else asking.ended(found),
        so_far=asking.so_far(found, yes) if pending and yes else None,
        steps=shown(found.plan),
        by_hand=manual.steps(found.plan),
    )


def approve(board: Board, visitor: Visitor, form: Form) -> str:
    """Say yes to the plan that was shown."""
    more = _answer(board, visitor, form, approved=True)
    return f"You approved this plan.{more}"


def decline(board: Board, visitor: Visitor, form: Form) -> str:
    """Say no."""
    _answer(board, visitor, form, approved=False)
    return "You declined this plan: nothing is done on it."


def _answer(board: Board, visitor: Visitor, form: Form, *, approved: bool) -> str:
    """Give an answer as the visitor, who counts as an approver if the list has the name."""
    known = board.approvers()
    listed = known.approvers if known is not None else ()
    person = next((each for each in listed if each.is_called(visitor.name)), None)
    given = Answer(
        approver_id=person.id if person else f"board:{folded(visitor.name)}",
        approver=person.name if person else visitor.name,
        way="board",
        approved=approved,
        note=form.optional("note"),
        digest=form.optional("digest"),
    )
    receipt = approval_answers.answer(board.engine, form.id("approval_id"), given, person=person)
    if receipt.approval is None:
        raise NoSuchPage
    if receipt.refusal is not None:
        raise NotPermitted(f"Your answer was not taken: {receipt.refusal}")
    return " One more person is needed." if receipt.still_needed else ""


PAGE = Page(
    "approval",
    "Approval",
    "/approvals/{approval_id}",
    read,
    in_menu=False,
    actions=(
        Action("/approvals/{approval_id}/approve", Role.APPROVER, approve),
        Action("/approvals/{approval_id}/decline", Role.APPROVER, decline),
    ),
)
