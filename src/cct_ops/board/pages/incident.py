"""Incident: the record's account of it, and what a person can do about it."""

from __future__ import annotations

from uuid import UUID

from cct_ops.board import responding, steering
from cct_ops.board.page import Action, Asked, Board, Form, NoSuchPage, Page, Visitor
from cct_ops.board.steering import LENGTHS, Steered
from cct_ops.config.people import Known
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.ledger.people import acknowledgements, assignments
from cct_ops.ledger.people.acknowledgements import Acknowledgement
from cct_ops.ledger.people.assignments import Assignment
from cct_ops.models.account import Account, AccountOf
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.record import account as accounts


class Incident(Frozen):
    """The account, who has it, and what of it waits for a yes."""

    account: Account
    holder: Acknowledgement | None
    waiting: tuple[Pending, ...]
    asked: Assignment | None = None
    told: str = ""
    people: tuple[Known, ...] = ()
    steered: tuple[Steered, ...] = ()
    lengths: tuple[int, ...] = LENGTHS

    @property
    def open(self) -> bool:
        """True if there is anything left to acknowledge."""
        return self.account.about is AccountOf.INCIDENT and self.account.state == "open"


def read(board: Board, asked: Asked) -> Incident:
    """Read the account of an incident, or of a run that was for none."""
    wanted: UUID = asked.place("incident_id")
    found = accounts.read(board.engine, wanted)
    if found is None:
        raise NoSuchPage
    runs = {run.id for run in found.runs}
    linked = tuple(run.model_copy(update={"link": board.link_to_run(run.id)}) for run in found.runs)
    had = acknowledgements.holders(board.engine, [found.id])
    given = assignments.newest(board.engine, [found.id], had).get(found.id)
    return Incident(
        # When it was read is no news.
        account=found.model_copy(update={"read_at": found.entries[-1].at, "runs": linked}),
        holder=had.get(found.id),
        waiting=tuple(
            each
            for each in approvals.pending(board.engine)
            if each.run_id in runs or each.incident_id == found.id
        ),
        asked=given,
        told=assignments.told(board.engine, given) if given else "",
        people=responding.known(board),
        steered=steering.steered(board, found),
    )


def acknowledge(board: Board, visitor: Visitor, form: Form) -> str:
    """Take the incident on: nobody is paged about it any more."""
    incident_id = form.id("incident_id")
    proof = visitor.session.proof
    acknowledgements.record(board.engine, incident_id, visitor.name, proof)
    return "You have this incident: nobody is paged about it any more."


PAGE = Page(
    "incident",
    "Incident",
    "/incidents/{incident_id}",
    read,
    in_menu=False,
    actions=(
        Action("/incidents/{incident_id}/acknowledge", Role.RESPONDER, acknowledge),
        *responding.ACTIONS,
        *steering.ACTIONS,
    ),
)
