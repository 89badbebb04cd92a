"""A run of a playbook: how much it may do, its incident, and on what evidence it ended how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, WithJsonSchema

from cct_ops.models.base import Frozen

# The tag by which a run names its incident. It is no parameter: nobody has to see it in a form.
INCIDENT = "incident:"
# The tag of a run that an alert started, by this rule.
RULE = "rule:"
# The label of a run that stands in a trace, as Prefect itself calls it.
TRACEPARENT = "__OTEL_TRACEPARENT"


# Prefect's form does not look at formats, so the pattern is what refuses what is no id.
_ID: dict[str, Any] = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}
Id = Annotated[UUID, WithJsonSchema(_ID)]
Subject = Annotated[Id, Field(json_schema_extra={"title": "Incident or run (id)"})]


class Run(Frozen):
    """One flow run in Prefect, and the incident that it was started for, if any."""

    id: UUID
    name: str
    playbook: str
    incident_id: UUID | None = None


# The playbooks that take a temporary change back, let it last longer, and recover a dead run.
REVERT, EXTEND, RECOVER = "revert-change", "extend-change", "recover"
# How the names of runs begin that put back what another one changed.
TAKES_BACK, RECOVERS = "Takes back: ", "Recovers: "


def name_of(playbook: str, parameters: Mapping[str, object]) -> str:
    """Return the name of a run that has not begun yet; its flow may know a fuller one."""
    target = parameters.get("target")
    return f"{playbook} {target}" if target else playbook


class Starter(StrEnum):
    """By what a run was started; whom Prefect does not know came through its UI or API."""

    ALERT = "alert"
    SCHEDULE = "schedule"
    PERSON = "person"
    UPKEEP = "upkeep"
    PREFECT = "Prefect"


class Start(Frozen):
    """Who started a run: the name is as good as its proof, which a tag on a run is not."""

    starter: Starter
    name: str | None = None


_FOR = ", by "


def asked_of(person: str, program: str) -> str:
    """Return as whose a run counts that a program started because a person asked it to."""
    return f"{person}{_FOR}{program}"


def starters(started_by: str) -> tuple[str, ...]:
    """Return everybody who counts as the one that started a run: whoever asked a program does."""
    return (started_by, *started_by.split(_FOR)) if _FOR in started_by else (started_by,)


def incident_tag(incident_id: UUID) -> str:
    """Return the tag of a run that is for this incident."""
    return f"{INCIDENT}{incident_id}"


def incidents_named(tags: Iterable[str]) -> list[str]:
    """Return what a run's tags name as its incident; one at most is as it should be."""
    return [tag.removeprefix(INCIDENT) for tag in tags if tag.startswith(INCIDENT)]


def incident_of(tags: Iterable[str]) -> UUID | None:
    """Return the incident that the tags of a run name; None also where they name none rightly."""
    named = incidents_named(tags)
    if len(named) != 1:
        return None
    try:
        return UUID(named[0])
    except ValueError:
        return None


class Mode(StrEnum):
    """The mode of a run: look only, act after a person's approval, or act alone under guards."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"

    @property
    def rank(self) -> int:
        """Position on the ladder observe < approve < auto."""
        return list(Mode).index(self)


def lowest(*modes: Mode) -> Mode:
    """Return the most careful of the given modes; each of them is a ceiling."""
    return min(modes, key=lambda mode: mode.rank)


class Outcome(StrEnum):
    """
    The outcome of a run; its name is also that of the run's final state in Prefect.

    Passed is the end of a test of our own that found nothing wrong; Nothing to do that of a look
    at the system that found nothing wrong there.
    """

    NOTHING_TO_DO = "Nothing to do"
    RECOMMENDED = "Recommended"
    RESOLVED = "Resolved"
    PASSED = "Passed"
    UNVERIFIED = "Unverified"
    DECLINED = "Declined"
    EXPIRED = "Expired"
    VOID = "Void"
    BLOCKED = "Blocked"
    MERGED = "Merged"
    CANCELLED = "Cancelled"
    UNDONE = "Undone"
    FAILED = "Failed"

    @property
    def needs_attention(self) -> bool:
        """True if the fault may still be there; such a run must not look green."""
        return self in {
            Outcome.UNVERIFIED,
            Outcome.EXPIRED,
            Outcome.VOID,
            Outcome.BLOCKED,
            Outcome.UNDONE,
            Outcome.FAILED,
        }


REFUSED = "Refused"
"""The name of the state of a run that was not begun; it has no account of its own."""

NOT_RECORDED = "Not recorded"
"""The name of the state of a run that could not write its account: the ledger was away."""


class Severity(StrEnum):
    """P0: users are hurt now. P1: users will be hurt or a safety net is gone. P2: neither."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Evidence(Frozen):
    """One observed fact: what was looked at, what was seen, and what it means."""

    source: str
    observed: str
    meaning: str

    @classmethod
    def of(cls, source: str, observed: str, meaning: str) -> Evidence:
        """Make the fact."""
        return cls(source=source, observed=observed, meaning=meaning)


class Resolution(Frozen):
    """The result of a run: its outcome, the sentence that explains it, and the evidence."""

    playbook: str
    target: str
    outcome: Outcome
    reason: str
    evidence: tuple[Evidence, ...] = ()


PLAYBOOK = "playbook"
UPKEEP = "upkeep"
"""Puts back what another run changed, so it is never a new change and nothing pauses it."""

# More digits are no limit, and too many of them no number to Python.
_AT_MOST = re.compile(r"at most (\d{1,9}) at once")


def at_most(tags: Iterable[str]) -> int | None:
    """Return how many runs of a deployment may go on at once, if a tag of it says so."""
    said = [int(found[1]) for tag in tags if (found := _AT_MOST.fullmatch(tag))]
    return min(said, default=None)
