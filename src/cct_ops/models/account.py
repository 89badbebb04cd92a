"""
The account of one incident, or of one run that no alert started: everything, in its order.

It is told from the ledger alone. Each entry names the row that it is told from, so that whoever
doubts it can look there.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.run import Evidence, Outcome
from cct_ops.models.topic import playbook_on


class ActorKind(StrEnum):
    """By whom or what something was done."""

    ALERT = "alert"
    SCHEDULE = "schedule"
    PERSON = "person"
    PLAYBOOK = "playbook"
    OURS = "cct-ops"


class Actor(Frozen):
    """Whoever did something, and what proves that it was them; None where nothing has to."""

    kind: ActorKind
    name: str
    proof: str | None = None


class EntryKind(StrEnum):
    """The kind of step that an entry tells of."""

    BEGAN = "began"
    ALERT = "alert"
    CLOSED = "closed"
    DISPATCH = "dispatch"
    ACKNOWLEDGEMENT = "acknowledgement"
    ASSIGNMENT = "assignment"
    NOTE = "note"
    STARTED = "started"
    TAKEOVER = "takeover"
    LOOK = "look"
    DECISION = "decision"
    APPROVAL = "approval"
    ANSWER = "answer"
    PERMIT = "permit"
    REQUEST = "request"
    READ_BACK = "read-back"
    VERIFICATION = "verification"
    UNDO = "undo"
    TEMPORARY = "temporary change"
    EXPERIMENT = "experiment"
    NOTICE = "notice"
    PAGE = "page"
    STATUS_PAGE = "status page"
    CRASH = "crash"
    OUTCOME = "outcome"
    FOLLOW_UP = "follow-up"


class Entry(Frozen):
    """
    One step: when, by whom, and one sentence; ``facts`` are what it rests on, by their names.

    ``row`` is the row of the ledger, by table and key.
    """

    at: datetime
    kind: EntryKind
    actor: Actor
    text: str
    row: str
    run_id: UUID | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()


class AccountOf(StrEnum):
    """The kind of thing that an account is about."""

    INCIDENT = "incident"
    RUN = "run"
    DELIVERY = "delivery"


class AccountOfRun(Frozen):
    """
    One run of the account; ``link`` leads to its page in Prefect, ``state`` is what it has.

    ``due`` is when a run that has not begun is to: it takes a temporary change back then.
    """

    id: UUID
    playbook: str
    target: str
    outcome: Outcome | None = None
    reason: str | None = None
    ended_at: datetime | None = None
    due: datetime | None = None
    link: str | None = None
    state: str | None = None

    @property
    def name(self) -> str:
        """The playbook with its target."""
        return playbook_on(self.playbook, self.target) if self.playbook else "a run"

    @property
    def stands(self) -> str:
        """How it ended, or in a few words that it did not."""
        if self.outcome is not None:
            return self.outcome.value
        return f"due {self.due:%Y-%m-%d %H:%M} UTC" if self.due else "has not ended"


class Account(Frozen):
    """
    Everything about one incident, a run without one, or a delivery that led to none, oldest first.

    ``thread`` is what its thread in Slack shows at the moment; ``read_at`` is the ledger's time.
    """

    id: UUID
    about: AccountOf
    heading: str
    state: str
    summary: str | None
    outcome: Outcome | None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    runs: tuple[AccountOfRun, ...]
    entries: tuple[Entry, ...]
    thread: str | None
    read_at: datetime

    @property
    def title(self) -> str:
        """The kind, the whole id and the heading."""
        return f"{self.about.capitalize()} {self.id}: {self.heading}"

    def run(self, run_id: UUID | None) -> AccountOfRun | None:
        """Return the run of an entry."""
        return next((each for each in self.runs if each.id == run_id), None)
