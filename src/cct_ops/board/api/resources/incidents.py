"""Incidents: lists of them, one with its account, and taking them on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from cct_ops.board.api.operation import (
    Call,
    Done,
    Moment,
    Name,
    Operation,
    PartOf,
    action,
    cursor,
    place,
)
from cct_ops.board.api.problem import misfit
from cct_ops.board.pages import incident as one, incidents as pages
from cct_ops.board.steering import Steered
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.ledger.people import acknowledgements
from cct_ops.ledger.people.acknowledgements import Acknowledgement
from cct_ops.ledger.people.assignments import Assignment
from cct_ops.models.account import Account
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.record import incidents, standing
from cct_ops.record.incidents import Filters, Place
from cct_ops.record.standing import is_of

TAG = "incidents"
Severity = Literal["P0", "P1", "P2", "unknown"]


class Asked(PartOf):
    """Which incidents; whatever is left out is whatever there is."""

    state: Literal["open", "closed", "all"] = "open"
    severity: Severity | None = Field(None, description="Of open ones: `state=open`.")
    who: Literal["nobody"] | None = Field(None, description="Open ones that nobody has.")
    playbook: Name | None = None
    target: Name | None = None
    outcome: Name | None = Field(None, description="As it is listed: `Resolved`, `waits`.")
    since: Moment | None = Field(None, description="Opened then or later.")


class Incident(Frozen):
    """One incident, or one run that was for none."""

    id: UUID
    about: Literal["incident", "run"]
    at: datetime = Field(description="When it was opened; of a run for none, when it ended.")
    what: str
    began_by: str = Field(description="Its sender, or who started the run.")
    state: Literal["open", "closed"]
    playbook: str | None
    target: str | None
    outcome: str | None
    reason: str | None
    run_id: UUID | None
    holder: Acknowledgement | None = Field(description="Who has it; nobody yet where null.")
    page: str = Field(description="Where people see it on the board.")


class Incidents(Frozen):
    """A part of the list, the newest first."""

    items: tuple[Incident, ...]
    next: str | None = Field(description="The cursor of the next part; null at the end.")


class IncidentDetail(Frozen):
    """One incident, or a run for none, with everything that the record knows of it."""

    account: Account
    holder: Acknowledgement | None
    assigned: Assignment | None = Field(description="Who was asked last to take it on.")
    waiting: tuple[Pending, ...] = Field(description="What of it waits for a person's yes.")
    at_work: tuple[Steered, ...] = Field(description="Its runs, and how each can be taken over.")
    page: str


class Marked(Frozen):
    """Those that are meant."""

    ids: tuple[UUID, ...] = Field(min_length=1, max_length=100)


def listed(call: Call) -> Incidents:
    """List them; behind a cursor the list goes on where it was, whatever came since."""
    asked: Asked = call.query
    conditions = _conditions(call, asked)
    filters = Filters(
        state=None if asked.state == "all" else asked.state,
        playbook=asked.playbook,
        target=asked.target,
        since=asked.since,
        outcome=asked.outcome,
        after=place(asked.cursor, Place),
        conditions=conditions,
    )
    found = incidents.newest(call.board.engine, asked.limit + 1, filters)
    shown = found[: asked.limit]
    who = acknowledgements.holders(call.board.engine, [each.id for each in shown])
    items = tuple(
        Incident(
            **each.model_dump(),
            about="run" if each.id == each.run_id else "incident",
            holder=who.get(each.id),
            page=call.page(f"/incidents/{each.id}"),
        )
        for each in shown
    )
    more = len(found) > len(shown)
    return Incidents(items=items, next=cursor(shown[-1].at, shown[-1].id) if more else None)


def _conditions(call: Call, asked: Asked) -> tuple[standing.Condition, ...]:
    """Return what must hold of open incidents; raises ``Refusal`` where others are asked for."""
    wanted = {"severity": asked.severity, "who": asked.who}
    if asked.state != "open" and any(wanted.values()):
        words = "This is known of what is open alone: leave it out, or ask with state=open"
        raise misfit(words, *(f"query.{name}" for name, each in wanted.items() if each))
    found = [is_of(asked.severity, call.board.contacts().severities)] if asked.severity else []
    return (*found, standing.free()) if asked.who else tuple(found)


def read(call: Call) -> IncidentDetail:
    """Read one, as its page does."""
    found = one.read(call.board, call.asked())
    return IncidentDetail(
        account=found.account,
        holder=found.holder,
        assigned=found.asked,
        at_work=found.steered,
        waiting=found.waiting,
        page=call.page(f"/incidents/{found.account.id}"),
    )


def acknowledge(call: Call) -> Done:
    """Take one on."""
    form = action(one.PAGE, "/incidents/{incident_id}/acknowledge")
    return Done(done=call.act(form), page=call.page(f"/incidents/{call.id('incident_id')}"))


def acknowledge_all(call: Call) -> Done:
    """Take several on."""
    marked: Marked = call.body
    form = action(pages.PAGE, "/incidents/acknowledge")
    fields = {f"{pages.MARK}{each}": "on" for each in marked.ids}
    return Done(done=call.act(form, fields), page=call.page("/incidents"))


OPERATIONS = (
    Operation(
        "get",
        "/incidents",
        "listIncidents",
        TAG,
        "What is open, or all there was, the newest first",
        listed,
        Incidents,
        query=Asked,
        more="Runs for no incident are in the list as well, unless `state` is `open`.",
    ),
    Operation(
        "get",
        "/incidents/{incident_id}",
        "readIncident",
        TAG,
        "One incident, or a run for none, with its account",
        read,
        IncidentDetail,
    ),
    Operation(
        "post",
        "/incidents/{incident_id}/acknowledge",
        "acknowledgeIncident",
        TAG,
        "Take an incident on: nobody is paged about it any more",
        acknowledge,
        Done,
        needs=Role.RESPONDER,
        more="409 if it is over, or yours already.",
    ),
    Operation(
        "post",
        "/incidents/acknowledge",
        "acknowledgeIncidents",
        TAG,
        "Take several incidents on at once",
        acknowledge_all,
        Done,
        needs=Role.RESPONDER,
        body=Marked,
        more="What is over by now, or yours, is left as it is; 409 if that is all of them.",
    ),
)
