"""What a report is made of: figures, by playbook, each with the incidents and runs behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cct_ops.record.report.checks import LeftOut


class Group(StrEnum):
    """What a figure is about."""

    CAME = "What came"
    DONE = "What was done"
    ENDED = "How it ended"
    TIMES = "How long it took"
    BLOCKED = "What was blocked"
    APPROVALS = "Approvals"
    CHANGES = "Temporary changes"
    MINUTES = "Minutes saved"


class Unit(StrEnum):
    """The unit of a figure's value."""

    COUNT = "count"
    SECONDS = "seconds"
    MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One number; ``ids`` are the incidents, and the runs for none, that it was reckoned from.

    ``value`` is None where there is nothing to reckon it from; ``of`` is the number of which it is
    a part.
    """

    group: Group
    name: str
    unit: Unit
    value: float | None
    ids: tuple[str, ...]
    of: int | None = None

    @property
    def share(self) -> float | None:
        """The part that it is of the whole, between 0 and 1."""
        return self.value / self.of if self.of and self.value is not None else None


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one playbook; of all of them where ``playbook`` is None."""

    playbook: str | None
    figures: tuple[Figure, ...]

    def __getitem__(self, name: str) -> Figure:
        """Return the figure of this name; raises ``KeyError`` where there is none."""
        return {figure.name: figure for figure in self.figures}[name]

    def group(self, group: Group) -> list[Figure]:
        """Return the figures about one thing."""
        return [figure for figure in self.figures if figure.group is group]


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a week: how many incidents came in, and how many of them have a verified fix."""

    begin: datetime
    incidents: int
    fixed: int


@dataclass(frozen=True, slots=True)
class Report:
    """All figures: in total, and for each playbook by how much it had to do."""

    since: datetime
    until: datetime
    total: Section
    playbooks: tuple[Section, ...]
    left_out: tuple[LeftOut, ...]
    days_in_span: int
    spans: tuple[Span, ...]
