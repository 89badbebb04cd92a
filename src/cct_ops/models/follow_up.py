"""A follow-up of an incident: what somebody promised to do by when, until it is done."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from cct_ops.models.base import Frozen

LONGEST_TEXT = 500
LONGEST_OWNER = 100

Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
Owner = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_OWNER)]


class FollowUpState(StrEnum):
    """Where a follow-up stands; what was dropped has a reason."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class FollowUp(Frozen):
    """
    One follow-up; ``topic_id`` is its incident, or its run where that was for none.

    ``due`` is the last day on which it is in time, in UTC. ``proposal`` names what the review
    proposed, where it began as that.
    """

    id: UUID
    topic_id: UUID
    text: Text
    owner: Owner
    due: date
    state: FollowUpState
    reason: str | None
    proposal: str | None
    made_by: str
    made_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    issue_url: str | None

    @property
    def open(self) -> bool:
        """True if it still has to be done."""
        return self.state is FollowUpState.OPEN

    def overdue(self, today: date) -> bool:
        """Return whether it should have been done before today."""
        return self.open and self.due < today

    def stands(self, today: date) -> str:
        """Say where it stands."""
        if self.overdue(today):
            return "overdue"
        return f"{self.state}: {self.reason}" if self.reason else self.state
