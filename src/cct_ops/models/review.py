"""
The post-incident review of an account: what the record knows, and what it proposes to people.

What only people know is in none of its fields.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from cct_ops.models.account import Account, AccountOfRun
from cct_ops.models.base import Frozen
from cct_ops.models.follow_up import FollowUp
from cct_ops.models.plan import Call
from cct_ops.models.run import Evidence, Outcome, Severity


class Took(Frozen):
    """How long something took from when the incident came in; None where it never happened."""

    name: str
    seconds: float | None
    words: str


class Step(Frozen):
    """One thing that a run did or had decided about it, with what it is called in a review."""

    kind: str
    words: str


class ReviewedRun(Frozen):
    """One run: what it saw last, and its steps in their order."""

    run: AccountOfRun
    evidence: tuple[Evidence, ...] = ()
    steps: tuple[Step, ...] = ()


class Weakening(Frozen):
    """A temporary change, with when it was to end and when it did."""

    id: UUID
    call: Call
    owner: str
    reason: str
    state: str
    made_at: datetime
    until: datetime
    ended_at: datetime | None
    overdue: bool


class Related(Frozen):
    """Another incident, or a run without one, of the same alert or of the same repair."""

    id: UUID
    at: datetime
    what: str
    outcome: str | None
    why: str


class LessonKind(StrEnum):
    """What a lesson is about."""

    WELL = "went well"
    BADLY = "did not go well"
    BLOCKED = "was blocked by a guard"


class Lesson(Frozen):
    """One thing that the record shows to have gone well or not, or to have been stopped."""

    kind: LessonKind
    words: str


class Proposal(Frozen):
    """
    A follow-up that the record suggests, which is none before a person accepts it.

    ``name`` stays the same for as long as it suggests it.
    """

    name: str
    text: str


class Learned(Frozen):
    """
    What there is to learn from an incident, or from a run without one.

    ``duration`` is how long it lasted and ``detected`` how it came to be known, each in words.
    """

    headline: str | None
    severity: Severity | None
    targets: tuple[str, ...]
    duration: str
    detected: str
    took: tuple[Took, ...]
    runs: tuple[ReviewedRun, ...]
    changes: tuple[Weakening, ...]
    related: tuple[Related, ...]
    lessons: tuple[Lesson, ...]
    checklist: tuple[str, ...]
    follow_ups: tuple[FollowUp, ...]
    proposals: tuple[Proposal, ...] = Field(description="Nobody's until somebody takes them on.")


class Review(Learned):
    """The review of one incident, or of a run without one: what is learned from its account."""

    account: Account

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        return self.account.outcome

    def of_kind(self, kind: LessonKind) -> list[str]:
        """Return the lessons of one kind."""
        return [lesson.words for lesson in self.lessons if lesson.kind is kind]

    @property
    def open_changes(self) -> tuple[Weakening, ...]:
        """The temporary changes that still have to be taken back."""
        return tuple(each for each in self.changes if each.ended_at is None)
