"""The findings of the judge: claims that were broken, each with its moment and in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple, Self

from evaluation.cluster.names import Claim


class Finding(NamedTuple):
    """
    One claim that was broken, and when: by CCT's clock or the ledger's.

    What was wrong for a while was so from ``at`` to ``until``.
    """

    claim: Claim
    at: datetime
    what: str
    until: datetime | None = None


@dataclass(frozen=True)
class Counts:
    """The findings by claim; all of it must be zero."""

    lost: int = 0
    doubled: int = 0
    without_permit: int = 0
    concurrent: int = 0
    undone: int = 0
    late: int = 0
    stuck: int = 0
    untold: int = 0

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """Count them."""
        found = Counter(_NAMES[each.claim] for each in findings)
        return cls(**found)

    def all_zero(self) -> bool:
        """Say whether all claims held."""
        return not any(asdict(self).values())

    def __str__(self) -> str:
        """Name each with its number."""
        return ", ".join(f"{_SHOWN.get(k, k)} {v}" for k, v in asdict(self).items())


_NAMES: dict[Claim, str] = {
    "no alert lost": "lost",
    "none doubled": "doubled",
    "no change without permit": "without_permit",
    "no two changes at once on a target": "concurrent",
    "no good fix undone": "undone",
    "every temporary change taken back in time": "late",
    "every run ends": "stuck",
    "every person asked is told how it ended": "untold",
}
_SHOWN = {
    "without_permit": "without permit",
    "undone": "good fixes undone",
    "late": "taken back late",
    "untold": "people untold",
}
