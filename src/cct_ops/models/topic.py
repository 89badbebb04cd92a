"""The topics of messages to people: what each is about, where it stands, and where in Slack."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cct_ops.models.base import Frozen
from cct_ops.models.run import Outcome, Run, Severity

OPEN = "Open"
WAITS = "Waits for approval"
AT_WORK = "Approved, at work"
UNANSWERED = "Nobody approved"
OVERDUE = "Overdue"

# What is over then may still hurt somebody, and nothing of ours works on it any more.
_ENDED_BADLY = {Outcome.FAILED, Outcome.UNVERIFIED, Outcome.UNDONE}


class Held(Frozen):
    """Whether an incident is open, and who has it: by which acknowledgement, and since when."""

    open: bool
    person: str | None = None
    number: int | None = None
    at: datetime | None = None


class Topic(Frozen):
    """
    One incident, or one run that was started without any.

    ``state`` is where it stands, in words; ``needs_person`` says that it is a person's turn.
    ``held`` is what a head shows of who has the incident.
    """

    id: UUID
    title: str
    state: str
    severity: Severity | None = None
    needs_person: bool = False
    held: Held | None = None

    @classmethod
    def of(
        cls,
        run: Run,
        target: str,
        state: str,
        severity: Severity | None = None,
        *,
        needs_person: bool = False,
    ) -> Topic:
        """Return the topic of a run: its incident, or the run itself."""
        return cls(
            id=run.incident_id or run.id,
            title=playbook_on(run.playbook, target),
            state=state,
            severity=severity,
            needs_person=needs_person,
        )


def playbook_on(playbook: str, target: str) -> str:
    """Name a playbook with its target; one that has none, or ended before it knew, alone."""
    return playbook if target in {"", playbook} else f"{playbook} on {target}"


def is_urgent(outcome: Outcome, severity: Severity | None, *, changed: bool = True) -> bool:
    """
    Return True if the person on call has to be reached about a run that ended so.

    Where a guard or a person stopped the run, only if users are hurt now. Nobody is woken for what
    cannot be seen here, as long as nothing was changed and nobody is in danger.
    """
    if outcome is Outcome.UNVERIFIED and severity is Severity.P2 and not changed:
        return False
    return outcome in _ENDED_BADLY or (outcome.needs_attention and severity is Severity.P0)


class MessageRef(Frozen):
    """A message, by its channel's id and the timestamp that is its name there."""

    channel: str
    ts: str
