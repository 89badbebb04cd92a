"""Incidents: those that are open, by severity or because nobody has them; and all there were."""

from __future__ import annotations

from cct_ops.board.page import Action, Asked, Board, Form, Page, Visitor
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.people import acknowledgements
from cct_ops.models.base import Frozen, counted
from cct_ops.models.role import Role
from cct_ops.record import incidents as all_incidents, standing
from cct_ops.record.incidents import Filters, Listed
from cct_ops.record.standing import Open, Wanted

SHOWN = 100
MARK = "mark."
"""How the names of marks begin."""


class Incidents(Frozen):
    """Those that fulfil the filters: the open ones, or of all there were the newest."""

    open: Open | None
    listed: tuple[Listed, ...]
    state: str
    severity: str | None
    unclaimed: bool


def read(board: Board, asked: Asked) -> Incidents:
    """Read the open ones unless the address asks for all."""
    severity, unclaimed = asked.filter("severity"), asked.filter("who") == "nobody"
    if asked.filter("state") == "all":
        found = all_incidents.newest(board.engine, SHOWN, Filters())
        return Incidents(
            open=None, listed=tuple(found), state="all", severity=None, unclaimed=False
        )
    standing_now = standing.urgent(
        board.engine, board.contacts().severities, SHOWN, Wanted(severity, unclaimed)
    )
    return Incidents(
        open=standing_now, listed=(), state="open", severity=severity, unclaimed=unclaimed
    )


def acknowledge(board: Board, visitor: Visitor, form: Form) -> str:
    """Take on all that are marked; what is over by now, or the person has, is left as it is."""
    names = [name.removeprefix(MARK) for name in form.fields if name.startswith(MARK)]
    marked = [Form({"id": name}, {}).id("id") for name in names]
    if not marked:
        raise BadConfiguration("Nothing was done: mark the incidents that you take on.")
    taken, left = 0, 0
    for incident in marked:
        try:
            proof = visitor.session.proof
            acknowledgements.record(board.engine, incident, visitor.name, proof)
        except NotPermitted:
            left += 1
        else:
            taken += 1
    if not taken:
        raise NotPermitted("Nothing was done: what was marked is over by now, or yours already.")
    more = f" {counted(left, 'other')} had ended or were yours already." if left else ""
    had = f"You have {counted(taken, 'incident')} more"
    return f"{had}: nobody is paged about them any more.{more}"


PAGE = Page(
    "incidents",
    "Incidents",
    "/incidents",
    read,
    actions=(Action("/incidents/acknowledge", Role.RESPONDER, acknowledge),),
)
