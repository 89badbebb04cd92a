"""A change that ends by itself: a weakening with an owner, a reason and an expiry."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.plan import Call


class ChangeState(StrEnum):
    """
    Where a temporary change stands.

    scheduled ──► active ──► reverting ──► reverted | reverted by CCT | left
        └────────────────────────┴───────► not made
    """

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    REVERTING = "reverting"
    REVERTED = "reverted"
    REVERTED_BY_CCT = "reverted by CCT"
    LEFT = "left"
    NOT_MADE = "not made"


Reason = Annotated[str, Field(pattern=r"^\S.{0,299}$")]
Early = Annotated[bool, Field(json_schema_extra={"title": "Before its time"})]
OPEN = (ChangeState.SCHEDULED, ChangeState.ACTIVE, ChangeState.REVERTING)


class TemporaryChange(Frozen):
    """
    One temporary change, as the ledger has it.

    ``before`` is what was seen before it was made, in words; ``revert`` is the call that brings
    that back. ``scheduled_reverts`` counts the runs that were made to revert it,
    ``scheduled_revert_id`` is the last of them.
    """

    id: UUID
    run_id: UUID
    permit_id: UUID
    playbook: str
    target: str
    call: Call
    revert: Call
    before: str
    owner: str
    reason: str
    state: ChangeState
    created_at: datetime
    until: datetime
    ended_at: datetime | None
    note: str | None
    scheduled_revert_id: UUID | None
    scheduled_reverts: int

    @property
    def open(self) -> bool:
        """True if it still has to be reverted."""
        return self.state in OPEN
