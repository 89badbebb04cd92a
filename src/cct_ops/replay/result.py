"""What one set of rules made of a history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cct_ops.models.base import Frozen, counted
from cct_ops.models.run import Mode

WRONG_RULES = 3
"""The exit status of a process that replays, where the files of rules cannot be read."""


class Became(StrEnum):
    """What became of an alert; only ``fired`` is a run."""

    FIRED = "fired"
    GROUPED = "grouped"
    UNMATCHED = "people notified"
    UNFIT = "not started"
    NO_ROOM = "no run left in the burst"
    WATCHDOG = "watchdog"
    REOPENED = "reopened"
    LATE = "late"
    UNKNOWN = "unknown"
    QUARANTINED = "quarantined"
    PARTLY = "partly quarantined"
    DELETED = "deleted"


class End(StrEnum):
    """How far a run would have come."""

    NO_PLAN = "nothing to change"
    RECOMMENDED = "recommends"
    BLOCKED = "blocked"
    ASKS = "asks a person"
    ASKS_TWO = "asks two persons"
    NOT_APPROVED = "asks a person, who did not approve"
    AS_IT_WAS = "ends as it did"
    CHANGED = "changes"
    MAY_CHANGE = "may change"


class Fate(Frozen):
    """
    What became of one alert of one delivery, or of a delivery without any.

    ``position`` is the alert's place in its delivery, and ``note`` says why there was no run.
    ``end`` is how far its run would have come, by which ``guard`` it was stopped, and in which
    ``mode`` it was in the end. ``known`` says that a run really looked then.
    """

    delivery: UUID
    at: datetime
    position: int
    source: str
    alert: str
    became: Became
    rule: str | None = None
    note: str | None = None
    playbook: str | None = None
    mode: Mode | None = None
    parameters: Mapping[str, str | int] = {}
    end: End | None = None
    guard: str | None = None
    known: bool = True

    @property
    def place(self) -> tuple[datetime, UUID, int]:
        """Name the alert among those of a history, in their order."""
        return self.at, self.delivery, self.position

    @property
    def fired(self) -> bool:
        """True if it starts a run."""
        return self.became is Became.FIRED

    @property
    def deed(self) -> tuple[object, ...]:
        """All that makes a difference: not the name of a rule, nor the words of a note."""
        given = tuple(sorted(self.parameters.items()))
        return self.became, self.playbook, self.mode, given, self.end, self.guard

    @property
    def words(self) -> str:
        """Say it without what differs from one alert to the next."""
        if not self.fired:
            named = f" by {self.rule}" if self.rule else ""
            said = f", {self.note}" if self.became is Became.UNFIT else ""
            return f"{self.became}{named}{said}"
        end = f"{self.end} by {self.guard}" if self.guard else str(self.end)
        return f"{self.playbook} in {self.mode} mode: {end}"


class Replayed(Frozen):
    """
    All of it: the fates in their order, and how many alerts had which verdict.

    ``playbooks`` has the digest of what each one concludes with, and ``unknown_runs`` counts those
    that never took place then.
    """

    format: int
    fates: tuple[Fate, ...]
    counts: Mapping[str, int]
    playbooks: Mapping[str, str] = {}
    unknown_runs: int = 0

    @property
    def fired(self) -> int:
        """The number of runs."""
        return sum(each.fired for each in self.fates)

    @property
    def summary(self) -> str:
        """Say in one line what there was."""
        return ", ".join(f"{what}: {number}" for what, number in sorted(self.counts.items()))

    @property
    def unknown(self) -> str | None:
        """Say of how many runs nothing can be known, None where there is no such run."""
        if not self.unknown_runs:
            return None
        runs, one = counted(self.unknown_runs, "run"), self.unknown_runs == 1
        they = "it" if one else "they"
        return f"{runs} never took place then, so nothing shows what {they} would have found"
