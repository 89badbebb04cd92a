"""The goals, met or missed: shown on the page and at the end, either way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Goal(NamedTuple):
    """One goal, in the unit in which it was measured; None when it was not."""

    what: str
    limit: float
    measured: float | None

    @property
    def verdict(self) -> str:
        """True if it was met."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "missed"

    @property
    def row(self) -> list[str]:
        """The cells for the page: name, limit, measurement, and met or missed."""
        measured = "" if self.measured is None else f"{self.measured:.3g}"
        return [self.what, f"{self.limit:.3g}", measured, self.verdict]


def goals(results: Mapping[str, Any]) -> list[Goal]:
    """Return all, from the results of one run of the benchmark."""
    starts = results["starts"]
    warm, crowd = starts["warm"], max(results["crowds"], key=lambda each: int(each["incidents"]))
    many = f"{crowd['incidents']} incidents at once"
    return [
        Goal("warm, median, s", 0.4, warm["median"]),
        Goal("warm, p99, s", 1.0, warm["p99"]),
        Goal("warm in parts of the stock worker", 1 / 30, _part(warm, starts["stock"])),
        Goal(
            "warm in parts of Event-Driven Ansible",
            1 / 4,
            _part(warm, starts.get("ansible-rulebook")),
        ),
        Goal(f"{many}: lost", 0, crowd["lost"]),
        Goal(f"{many}: the last one has started after, s", 30, crowd["last_started_seconds"]),
        Goal(f"{many}: slowest answer to the UI, s", 2, crowd["ui_worst_seconds"]),
    ]


def _part(warm: Mapping[str, float], other: Mapping[str, float] | None) -> float | None:
    return None if other is None else warm["median"] / other["median"]
