"""
The judge: CCT's own log of writes, what reached Slack, the ledger's history, and nothing else.

It knows no fault but the deaths of processes: a run whose process was killed in the middle of its
change is put back by design, and nobody else's good fix is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.sandbox.inputs import Message, SeenRequest
from evaluation.cluster import temporary
from evaluation.cluster.episodes import Episode
from evaluation.cluster.findings import Finding
from evaluation.cluster.history import History
from evaluation.cluster.temporary import Hurt
from evaluation.cluster.told import Told
from evaluation.cluster.writes import (
    LIMITS,
    Write,
    by_target,
    concurrent,
    without_permit,
    without_yes,
)


@dataclass(frozen=True)
class Judge:
    """
    Holds what reached others against the ledger's rows.

    ``sent`` are the things that alerts were accepted for, and when the first of each was sent;
    ``hurts`` are the times in which something was away that taking a change back needs. Where no
    controller ran, nothing but intake is judged of alerts.
    """

    engine: sa.Engine
    writes: Sequence[SeenRequest]
    messages: Sequence[Message]
    episodes: Sequence[Episode]
    sent: Mapping[str, datetime]
    hurts: Sequence[Hurt] = ()
    controlled: bool = True

    def findings(self) -> list[Finding]:
        """Return each claim that was broken, by the moment at which it was."""
        history, told = History.read(self.engine), Told(self.messages, self.hurts)
        found = [
            *self._alerts(history),
            *self._owed(history, told),
            *self._endless(history),
            *told.untold(history),
        ]
        by = by_target(self.writes, history.actions, self._off)
        asking = self._asking(history)
        for target, writes in by.items():
            found += without_permit(writes)
            found += without_yes(writes, asking, history.requests)
            found += concurrent(writes, history.actions)
            found += self._repeated(target, writes)
            found += self._undone(target, writes, history.cut_off)
            changes = [each for each in history.changes if each.target == target]
            found += temporary.early(writes, changes, history.cut_off)
            found += temporary.late(writes, changes, self.hurts, history.asked_at)
        return sorted(found, key=lambda each: each.at)

    def _off(self, moment: datetime) -> timedelta:
        """Return how far the ledger's clock was off at a moment."""
        offs = [each.off for each in self.hurts if each.began <= moment <= each.ended]
        return next((off for off in offs if off), timedelta())

    def _asking(self, history: History) -> set[UUID]:
        """Return the incidents whose playbook asks somebody before it changes anything."""
        named = [each.name for each in self.episodes if each.work == "asked"]
        return {opened.id for name in named for opened in history.incidents.get(name, ())}

    def _alerts(self, history: History) -> Iterator[Finding]:
        for name, at in self.sent.items():
            opened = history.incidents.get(name, [])
            if not opened:
                yield Finding("no alert lost", at, f"The ledger has no incident about {name}.")
            for again in opened[1:]:
                what = f"{name} has a further incident, {again.id}, beside {opened[0].id}."
                yield Finding("none doubled", again.at, what)

    def _owed(self, history: History, told: Told) -> Iterator[Finding]:
        """Find incidents without a run or a notice, and notices that did not reach Slack."""
        for name in self.sent:
            for each in history.incidents.get(name, ()):
                if each.id in history.notified and each.id not in told.ids:
                    what = f"No message in Slack is about incident {each.id}, {name}."
                    yield Finding("no alert lost", each.at, what)
        for owed in history.owed if self.controlled else ():
            what = f"What is to be done about {owed.name} is still {owed.state}."
            yield Finding("no alert lost", owed.at, what)

    def _endless(self, history: History) -> Iterator[Finding]:
        for run in history.endless:
            yield Finding("every run ends", run.at, f"Run {run.run_id} has no account.")
        owed = {each.name for each in history.owed}
        for each in self.episodes:
            known = history.incidents.get(each.name, ())
            if each.outcome is not None or each.name in owed or not known or history.endless:
                continue  # said already, and better; or no alert was sent before it was all over
            what = f"The incident of {each.name} on {each.target} has no account."
            yield Finding("every run ends", each.began_at, what)

    def _repeated(self, target: str, writes: Sequence[Write]) -> Iterator[Finding]:
        """Find what was done again although it stood so, within one episode of a target."""
        during, stands = None, None
        for each in writes:
            now = self._number(target, each)
            if now != during:
                during, stands = now, None
            # A canary may be switched off twice: by two who look at the same harm.
            if stands is each.fixes and (each.fixes or each.seen.path == LIMITS):
                yield Finding("none doubled", each.seen.at, f"It stood so already: {each.words}.")
            stands = each.fixes

    def _undone(
        self, target: str, writes: Sequence[Write], cut_off: frozenset[UUID]
    ) -> Iterator[Finding]:
        """Find what took a fix away again, but for those of runs whose process was killed."""
        for place, each in enumerate(writes):
            if each.fixes or each.seen.path == LIMITS:
                continue  # a limit goes back by its time
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
            if each.target == target and each.began_at <= write.seen.at
        ]
        return begun[-1].number if begun else None
