"""
The judge: CCT's own log of writes, what reached Slack, the ledger's history, and nothing else.

It knows no fault but the deaths of processes: a run whose process was killed in the middle of its
change is put back by design, and nobody else's good fix is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.sandbox.inputs import SeenRequest
from evaluation.cluster.episodes import Episode
from evaluation.cluster.findings import Finding
from evaluation.cluster.history import History
from evaluation.cluster.writes import LIMITS, Write, by_target, concurrent, without_permit


@dataclass(frozen=True)
class Judge:
    """
    Holds what reached others against the ledger's rows.

    ``sent`` are the things that alerts were accepted for, and when the first of each was sent.
    """

    engine: sa.Engine
    writes: Sequence[SeenRequest]
    episodes: Sequence[Episode]
    sent: Mapping[str, datetime]

    def findings(self) -> list[Finding]:
        """Return each claim that was broken, by the moment at which it was."""
        history = History.read(self.engine)
        found = [*self._alerts(history), *self._endless()]
        for target, writes in by_target(self.writes, history.actions).items():
            found += without_permit(writes)
            found += concurrent(writes, history.actions)
            found += self._repeated(target, writes)
            found += self._undone(target, writes, history.cut_off)
        return sorted(found, key=lambda each: each.at)

    def _alerts(self, history: History) -> Iterator[Finding]:
        for name, at in self.sent.items():
            opened = history.incidents.get(name, [])
            if not opened:
                yield Finding("no alert lost", at, f"The ledger has no incident about {name}.")
            for again in opened[1:]:
                what = f"{name} has a further incident, {again.id}, beside {opened[0].id}."
                yield Finding("none doubled", again.at, what)

    def _endless(self) -> Iterator[Finding]:
        for each in self.episodes:
            if each.outcome is None:
                what = f"The incident of {each.name} on {each.route} has no account."
                yield Finding("every run ends", each.pulled_at, what)

    def _repeated(self, target: str, writes: Sequence[Write]) -> Iterator[Finding]:
        """Find what was done again although it stood, within one episode of a target."""
        during, stands = None, False
        for each in writes:
            now = self._number(target, each)
            if now != during:
                during, stands = now, False
            if stands and each.fixes:
                yield Finding("none doubled", each.seen.at, f"It stood already: {each.words}.")
            stands = each.fixes

    def _undone(
        self, target: str, writes: Sequence[Write], cut_off: frozenset[UUID]
    ) -> Iterator[Finding]:
        """Find what took a fix away again, but for those of runs whose process was killed."""
        for place, each in enumerate(writes):
            if each.fixes or each.seen.path == LIMITS:
                continue
            number = self._number(target, each)
            before = {
                other.action.run_id
                for other in writes[:place]
                if other.action is not None and self._number(target, other) == number
            }
            if not before & cut_off:
                yield Finding("no good fix undone", each.seen.at, f"Taken away: {each.words}.")

    def _number(self, target: str, write: Write) -> int | None:
        """Return the episode of a target in which something was written."""
        begun = [
            each
            for each in self.episodes
            if each.route == target and each.pulled_at <= write.seen.at
        ]
        return begun[-1].number if begun else None
