"""What is done about an incident: somebody is asked, something noted, a run taken over."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Hours, Operation, Text, action
from cct_ops.board.pages.incident import PAGE
from cct_ops.ledger.people import notes
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.models.takeover import Choice

TAG = "incidents"
_PATH = "/incidents/{incident_id}"


class Asking(Frozen):
    """Who is asked."""

    person: Text = Field(description="By name or id, as a file of this installation has them.")


class Note(Frozen):
    """What is to be in the account."""

    note: str = Field(min_length=1, max_length=notes.LONGEST, pattern=r"^[^\x00]*$")


class Taking(Frozen):
    """Which run is taken over, how, why, and for how long its target is held."""

    run_id: UUID = Field(description="One of `at_work` of the incident.")
    choice: Choice
    reason: Text
    hours: Hours = 4


def assign(call: Call) -> Done:
    """Ask somebody to take it on."""
    wanted: Asking = call.body
    return _done(call, "assign", person=wanted.person)


def note(call: Call) -> Done:
    """Write something down about it."""
    wanted: Note = call.body
    return _done(call, "note", note=wanted.note, once=call.once)


def take_over(call: Call) -> Done:
    """Take a run over."""
    wanted: Taking = call.body
    return _done(
        call,
        "takeover",
        run_id=str(wanted.run_id),
        choice=wanted.choice.value,
        reason=wanted.reason,
        hours=str(wanted.hours),
    )


def _done(call: Call, verb: str, **fields: str) -> Done:
    said = call.act(action(PAGE, f"{_PATH}/{verb}"), fields)
    return Done(done=said, page=call.page(f"/incidents/{call.id('incident_id')}"))


OPERATIONS = (
    Operation(
        "post",
        f"{_PATH}/assign",
        "assignIncident",
        TAG,
        "Ask somebody to take an incident on, and have them told",
        assign,
        Done,
        needs=Role.RESPONDER,
        body=Asking,
        more="Once somebody has it, nobody else is paged. 409 if it is over.",
    ),
    Operation(
        "post",
        f"{_PATH}/note",
        "noteIncident",
        TAG,
        "Write something down in the account",
        note,
        Done,
        needs=Role.RESPONDER,
        body=Note,
    ),
    Operation(
        "post",
        f"{_PATH}/takeover",
        "takeOverRun",
        TAG,
        "Take over a run that is at work: it undoes, keeps, or only watches on",
        take_over,
        Done,
        needs=Role.RESPONDER,
        body=Taking,
        seconds=30,
    ),
)
