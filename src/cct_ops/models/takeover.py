"""A person takes over a running playbook: what they chose, why, and what the run is at by then."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.plan import Step
from cct_ops.models.run import EXTEND, RECOVER, REVERT, Outcome

# They put back what another run changed, or let it last longer: nobody is asked to stop these.
UPKEEP_PLAYBOOKS = frozenset({RECOVER, REVERT, EXTEND})


class Choice(StrEnum):
    """What becomes of a run that is taken over."""

    UNDO = "stop and undo"
    KEEP = "stop and keep"
    WATCH = "keep watching only"

    @property
    def stops(self) -> bool:
        """True if the run ends."""
        return self is not Choice.WATCH

    @property
    def undoes(self) -> bool:
        """True if what the run has changed is taken back."""
        return self is Choice.UNDO


class Takeover(Frozen):
    """
    One person's word on one run.

    ``held_until`` is until when automation leaves the target alone, None where none is known;
    ``stopped_at`` when the run had stopped what it did, None as long as it has not.
    """

    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    choice: Choice
    person: str
    proof: str
    reason: str
    held_until: datetime | None
    at: datetime
    stopped_at: datetime | None

    @property
    def words(self) -> str:
        """Say it as one sentence."""
        reason = self.reason.rstrip(". ")
        return f"{self.person} took it over ({self.choice}): {reason}."


class TakenOver(BaseException):
    """
    Ends a run that a person has taken over.

    It is no error, so nothing that handles errors may handle it.
    """

    def __init__(self, takeover: Takeover) -> None:
        super().__init__(takeover.words)
        self.takeover = takeover


def stop_by(taken: Takeover | None) -> None:
    """Raise ``TakenOver`` where a person wants the run to end."""
    if taken is not None and taken.choice.stops:
        raise TakenOver(taken)


class Phase(StrEnum):
    """What a run is at, as far as the ledger knows."""

    NOT_BEGUN = "has not begun"
    LOOKING = "is looking"
    ASKING = "waits for a yes"
    CHANGING = "is making its change"
    WATCHING = "watches what it changed"
    UNDOING = "is taking its change back"
    CLOSING = "has done its work and writes its report"
    SILENT = "shows no sign of life"
    ENDED = "has ended"


class RunProgress(Frozen):
    """
    How far a run is.

    ``made`` are the steps that it has made or may have, ``planned`` all of its plan, ``temporary``
    its changes that end by themselves.
    """

    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    phase: Phase
    made: tuple[Step, ...] = ()
    planned: int = 0
    watch_seconds: float = 0
    temporary: tuple[TemporaryChange, ...] = ()
    outcome: Outcome | None = None
    reason: str | None = None

    @property
    def can_be_taken_over(self) -> bool:
        """True if there is something left to stop."""
        over = {Phase.UNDOING, Phase.CLOSING, Phase.ENDED}
        return self.phase not in over and self.playbook not in UPKEEP_PLAYBOOKS
