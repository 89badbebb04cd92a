"""The differences that somebody has looked at and wants: replay-acknowledged.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from cct_ops.config import yaml_files
from cct_ops.models.base import Count, Frozen
from cct_ops.replay.compare import Difference

FILE = "replay-acknowledged.yaml"

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Entry(Frozen):
    """
    One difference that is wanted: for at most so many alerts, by whom, why, and until which day.

    ``what`` is for people alone; ``difference`` is its digest.
    """

    difference: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    what: str = ""
    times: Count = Field(ge=1)
    by: Words
    why: Words
    until: date


class Acknowledged(Frozen):
    """The file; ``allow`` is how many alerts may differ without an entry."""

    allow: Count = Field(0, ge=0)
    acknowledged: tuple[Entry, ...] = ()


class Verdict(Frozen):
    """
    What is left after the file: the differences that nobody acknowledged, and why entries fail.

    ``expired`` and ``unknown`` are entries that are over, or about no difference that there is.
    """

    open: tuple[Difference, ...]
    expired: tuple[Entry, ...]
    unknown: tuple[Entry, ...]
    allow: int

    @property
    def alerts(self) -> int:
        """The number of alerts that differ and are not acknowledged."""
        return sum(each.times for each in self.open)

    @property
    def passes(self) -> bool:
        """True if there are no more of them than allowed."""
        return self.alerts <= self.allow


def read(path: Path) -> Acknowledged:
    """Read the file; one that is not there acknowledges nothing."""
    return yaml_files.load(path, Acknowledged) if path.exists() else Acknowledged()


def judge(
    differences: Iterable[Difference], file: Acknowledged, today: date, allow: int | None
) -> Verdict:
    """Hold the differences against the file, as it counts today."""
    found = {each.digest: each for each in differences}
    standing = [each for each in file.acknowledged if each.until >= today]
    covered = {
        entry.difference
        for entry in standing
        if entry.difference in found and found[entry.difference].times <= entry.times
    }
    return Verdict(
        open=tuple(each for name, each in found.items() if name not in covered),
        expired=tuple(each for each in file.acknowledged if each.until < today),
        unknown=tuple(each for each in standing if each.difference not in found),
        allow=file.allow if allow is None else allow,
    )


def entries(differences: Iterable[Difference], by: str, until: date) -> str:
    """Return the lines to put under ``acknowledged:``; why is for a person to say."""
    lines = []
    for each in differences:
        what = f"{each.kind}: {each.source} {each.alert}: {each.before} → {each.after}"
        lines += [
            f"  - difference: {yaml_files.quoted(each.digest)}",
            f"    what: {yaml_files.quoted(what)}",
            f"    times: {each.times}",
            f"    by: {yaml_files.quoted(by)}",
            '    why: ""',
            f"    until: {until.isoformat()}",
        ]
    return "\n".join(lines)
