"""
What really happens to the targets, noted by the world itself and not by those who act on it.

Every write counts as wrong that nothing permitted, or that lands while another run is changing
the same target; every temporary change that stays longer than it was meant to is overdue.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

# A lock that a dead run held may delay a revert for as long as the lock lasts.
LATE = timedelta(minutes=30)


@dataclass
class Temporary:
    """A change that was meant to be taken back by a moment."""

    due_at: datetime
    reverted_at: datetime | None = None


@dataclass
class World:
    """The targets, and what is counted about them."""

    attempts: int = 0
    changes: int = 0
    restores: int = 0
    unpermitted: int = 0
    concurrent: int = 0
    fixed: int = 0
    stopped_writes: int = 0
    temporary: list[Temporary] = field(default_factory=list)
    _open: set[tuple[str, str]] = field(default_factory=set)
    _broken_until: dict[str, datetime] = field(default_factory=dict)
    _changing: dict[str, dict[UUID, datetime]] = field(default_factory=lambda: defaultdict(dict))

    def open(self, target: str, alertname: str) -> bool:
        """Let an alert fire; False if it fires already."""
        new = (target, alertname) not in self._open
        self._open.add((target, alertname))
        return new

    def is_open(self, target: str, alertname: str) -> bool:
        """Tell whether the alert fires."""
        return (target, alertname) in self._open

    def close(self, target: str, alertname: str) -> None:
        """Let the alert be over."""
        self._open.discard((target, alertname))

    def fail(self, target: str, until: datetime) -> None:
        """Let the target be broken until then, if nobody repairs it."""
        self._broken_until[target] = max(until, self._broken_until.get(target, until))

    def is_broken(self, target: str, now: datetime) -> bool:
        """Tell what a diagnosis would find."""
        return target in self._broken_until and self._broken_until[target] > now

    def fix(self, target: str) -> None:
        """Let the target be repaired."""
        self.fixed += 1
        self._broken_until.pop(target, None)

    def write(
        self,
        now: datetime,
        target: str,
        run_id: UUID,
        *,
        until: datetime,
        permitted: bool,
        restores: bool = False,
    ) -> None:
        """Take one write; its run is changing the target until it says so, or until then."""
        others = [run for run, end in self._changing[target].items() if run != run_id and end > now]
        self.concurrent += bool(others)
        self.unpermitted += not permitted
        self.restores += restores
        self.changes += not restores
        self._changing[target][run_id] = until

    def done(self, target: str, run_id: UUID) -> None:
        """Let the run be through with the target, or dead."""
        self._changing[target].pop(run_id, None)

    def overdue(self, now: datetime) -> int:
        """Count the temporary changes that stayed, or still stay, for too long."""
        return sum((each.reverted_at or now) > each.due_at + LATE for each in self.temporary)
