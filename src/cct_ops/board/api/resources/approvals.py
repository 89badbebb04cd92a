"""Approvals: what waits for a person's yes, one request with its plan, and a program's no."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cct_ops.board.api.operation import Call, Done, Operation, Text, action
from cct_ops.board.pages import approval as one, approvals as pages
from cct_ops.ledger.gate.approvals import Approval, Pending
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

TAG = "approvals"
_PATH = "/approvals/{approval_id}"


class Request(Frozen):
    """One open request, and where a person answers it."""

    request: Pending
    answer_at: str = Field(description="The page on which a person says yes or no.")


class Requests(Frozen):
    """All open requests, the next to expire first."""

    items: tuple[Request, ...]


class ApprovalDetail(Frozen):
    """One request with its plan, who has said yes so far, and how it ended."""

    request: Approval
    said_yes: tuple[str, ...]
    ended: str | None
    by_hand: tuple[str, ...] = Field(description="The steps of the plan, as people do them.")
    answer_at: str = Field(description="The page on which a person says yes or no.")


class No(Frozen):
    """Why not, and to which plan."""

    note: Text
    plan_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="`plan_digest` of the request as it was shown: no other plan is meant."
    )


def listed(call: Call) -> Requests:
    """List what waits."""
    found = pages.read(call.board, call.asked()).waiting
    return Requests(
        items=tuple(
            Request(request=each, answer_at=call.page(f"/approvals/{each.id}")) for each in found
        )
    )


def read(call: Call) -> ApprovalDetail:
    """Read one, as its page does."""
    found = one.read(call.board, call.asked())
    return ApprovalDetail(
        request=found.approval,
        said_yes=found.yes,
        ended=found.ended,
        by_hand=found.by_hand,
        answer_at=call.page(f"/approvals/{found.approval.id}"),
    )


def decline(call: Call) -> Done:
    """Say no."""
    given: No = call.body
    form = action(one.PAGE, f"{_PATH}/decline")
    said = call.act(form, {"note": given.note, "digest": given.plan_digest})
    return Done(done=said, page=call.page(f"/approvals/{call.id('approval_id')}"))


OPERATIONS = (
    Operation(
        "get", "/approvals", "listApprovals", TAG, "What waits for a person's yes", listed, Requests
    ),
    Operation(
        "get",
        _PATH,
        "readApproval",
        TAG,
        "One request with its plan and evidence",
        read,
        ApprovalDetail,
    ),
    Operation(
        "post",
        f"{_PATH}/decline",
        "declineApproval",
        TAG,
        "Say no to a plan: nothing is done on it",
        decline,
        Done,
        needs=Role.APPROVER,
        body=No,
        more="There is no operation that says yes: that takes a person, at `answer_at` or in Slack."
        " 409 where the request takes the word of listed approvers alone, or has ended.",
    ),
)
