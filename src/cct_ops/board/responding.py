"""What people do about an incident besides acknowledging it: ask somebody, write something down."""

from __future__ import annotations

from cct_ops.board.page import Action, Board, FillAgain, Form, Visitor
from cct_ops.config import people
from cct_ops.config.people import Known
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.people import assignments, notes
from cct_ops.models.role import Role
from cct_ops.reports.pages import assignment_page


def known(board: Board) -> tuple[Known, ...]:
    """Return whom an incident can be assigned to."""
    return people.known(board.contacts(), board.approvers(), board.sign_in_by_oidc())


def assign(board: Board, visitor: Visitor, form: Form) -> str:
    """Ask somebody to take the incident on, and have them told."""
    incident_id, there = form.id("incident_id"), known(board)
    try:
        person = people.meant(form.text("person", "the person"), there)
    except BadConfiguration as error:
        words = f"Nothing was done: {error}."
        raise FillAgain("Nobody was asked.", {"person": words}) from error
    proof = visitor.session.proof
    assignments.record(board.engine, incident_id, person, visitor.name, proof, assignment_page)
    said = "is told" if person.id else "is told by nobody: no file says how to reach them"
    return (
        f"It is assigned to {person.name}, who {said}. Once somebody has it, nobody else is paged."
    )


def note(board: Board, visitor: Visitor, form: Form) -> str:
    """Write something down for whoever reads the account."""
    text, proof = form.fields.get("note", ""), visitor.session.proof
    try:
        notes.record(board.engine, form.id("incident_id"), text, visitor.name, proof, form.once)
    except BadConfiguration as error:
        raise FillAgain("The note was not kept.", {"note": f"{error}."}) from error
    return "Your note is in the account."


ACTIONS = (
    Action("/incidents/{incident_id}/assign", Role.RESPONDER, assign),
    Action("/incidents/{incident_id}/note", Role.RESPONDER, note),
)
