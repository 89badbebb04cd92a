"""Reviews of incidents, and the follow-ups that people promise in them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Operation, Text, action
from cct_ops.board.pages import incident_review as page
from cct_ops.ledger.record import follow_ups
from cct_ops.models.base import Frozen
from cct_ops.models.follow_up import LONGEST_OWNER, LONGEST_TEXT, FollowUp
from cct_ops.models.review import Learned
from cct_ops.models.role import Role

TAG = "follow-ups"
_REVIEW = "/incidents/{incident_id}/review"
_ENDS = f"{_REVIEW}/follow-ups/{{follow_up_id}}"


class AskedFollowUps(Frozen):
    """Which of those that are open."""

    state: Literal["open", "overdue"] = "open"
    owner: str | None = Field(None, min_length=1, max_length=LONGEST_OWNER, pattern=r"^[^\x00]+$")


class FollowUps(Frozen):
    """All of them, by the day they are due; what ended is in the review of its incident."""

    items: tuple[FollowUp, ...]


class IncidentReview(Learned):
    """What the record shows of an incident that is to be learned from; its account is beside it."""

    page: str


class Promise(Frozen):
    """Whose it is, and by when."""

    owner: Text = Field(max_length=LONGEST_OWNER, description="By name or id, or anybody's name.")
    due: date = Field(description="The last day on which it is in time, in UTC.")


class NewFollowUp(Promise):
    """What is to follow, whose it is, and by when."""

    text: Text = Field(max_length=LONGEST_TEXT)


class TakenOn(Promise):
    """What the review proposes and somebody takes on."""

    proposal: Text = Field(description="The `name` of one of `proposals`.")


class Dropping(Frozen):
    """Why nobody will do it."""

    reason: Text


def listed(call: Call) -> FollowUps:
    """List what is open."""
    asked: AskedFollowUps = call.query
    found = follow_ups.listed(
        call.board.engine, only_open=True, overdue=asked.state == "overdue", owner=asked.owner
    )
    return FollowUps(items=tuple(found))


def read(call: Call) -> IncidentReview:
    """Read the review, as its page does."""
    found = page.find_review(call.board, call.id("incident_id"))
    learned = {name: getattr(found, name) for name in Learned.model_fields}
    return IncidentReview(page=_page(call), **learned)


def add(call: Call) -> Done:
    """Write one down."""
    wanted: NewFollowUp = call.body
    fields = {"text": wanted.text, **_promised(wanted)}
    return _done(call, f"{_REVIEW}/add", fields)


def accept(call: Call) -> Done:
    """Take on what is proposed."""
    wanted: TakenOn = call.body
    fields = {"proposal": wanted.proposal, **_promised(wanted)}
    return _done(call, f"{_REVIEW}/accept", fields, wanted.proposal)


def done(call: Call) -> Done:
    """Say that one is done."""
    return _done(call, f"{_ENDS}/done", {})


def drop(call: Call) -> Done:
    """Say that nobody will do it."""
    wanted: Dropping = call.body
    return _done(call, f"{_ENDS}/drop", {"reason": wanted.reason})


def _promised(wanted: Promise) -> dict[str, str]:
    return {"owner": wanted.owner, "due": wanted.due.isoformat()}


def _done(call: Call, path: str, fields: dict[str, str], proposal: str = "") -> Done:
    called = {f"{proposal}.{name}": name for name in fields}
    return Done(done=call.act(action(page.PAGE, path), fields, called), page=_page(call))


def _page(call: Call) -> str:
    return call.page(f"/incidents/{call.id('incident_id')}/review")


OPERATIONS = (
    Operation(
        "get",
        "/follow-ups",
        "listFollowUps",
        TAG,
        "What people promised to do after incidents, and have not done",
        listed,
        FollowUps,
        query=AskedFollowUps,
    ),
    Operation(
        "get",
        _REVIEW,
        "readReview",
        TAG,
        "What there is to learn from an incident, its follow-ups and what is proposed",
        read,
        IncidentReview,
    ),
    Operation(
        "post",
        f"{_REVIEW}/add",
        "addFollowUp",
        TAG,
        "Write down what is to follow, whose it is, and by when",
        add,
        Done,
        needs=Role.RESPONDER,
        body=NewFollowUp,
    ),
    Operation(
        "post",
        f"{_REVIEW}/accept",
        "acceptProposal",
        TAG,
        "Take on what the review proposes",
        accept,
        Done,
        needs=Role.RESPONDER,
        body=TakenOn,
        more="409 where it is not proposed any more, or somebody took it on.",
    ),
    Operation(
        "post",
        f"{_ENDS}/done",
        "endFollowUp",
        TAG,
        "Say that a follow-up is done",
        done,
        Done,
        needs=Role.RESPONDER,
    ),
    Operation(
        "post",
        f"{_ENDS}/drop",
        "dropFollowUp",
        TAG,
        "Say that nobody will do it, and why",
        drop,
        Done,
        needs=Role.RESPONDER,
        body=Dropping,
    ),
)
