"""
The episode rule applied to one alert after the other, in memory.

Intake gives it what the ledger knows of these things; a replay lets it begin with what was open.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid5

from cct_ops.ledger.intake.episodes import Episode, Verdict, early_end, judge
from cct_ops.models.alert import Alert

_NAMESPACE = UUID("0b7c1e0e-6a55-4f39-9a3f-0cc70b5a1e57")

Key = tuple[str, str]  # the source, and what its alert is about


@dataclass(frozen=True)
class Effect:
    """
    What one alert did: its verdict, the newest episode as it is now, and the one that it ended.

    ``superseded`` was open still when its sender reported the next.
    """

    verdict: Verdict
    episode: Episode | None
    superseded: Episode | None = None


@dataclass
class Judging:
    """
    The newest episode of each thing, and the ends that came before their start.

    ``early`` are the ends that were learnt here.
    """

    latest: dict[Key, Episode] = field(default_factory=dict)
    ends: dict[Key, datetime] = field(default_factory=dict)
    early: dict[Key, datetime] = field(default_factory=dict)

    def judge(self, place: Key, alert: Alert, received_at: datetime) -> Effect:
        """Judge an alert about this thing, and remember what follows."""
        known, end = self.latest.get(place), self.ends.get(place)
        verdict, episode = judge(alert, known, received_at, end)
        if came := early_end(alert, verdict, received_at):
            self.ends[place] = self.early[place] = came if end is None else max(came, end)
        superseded = None
        if episode is not None and verdict is Verdict.OPENED:
            episode = replace(episode, incident_id=name(place, episode))
            if known is not None and known.closed_as is None:
                superseded = known.superseded(received_at)
        if episode is not None:
            self.latest[place] = episode
        return Effect(verdict, episode, superseded)


def name(place: Key, episode: Episode) -> UUID:
    """
    Return the id by which this very episode is always known.

    After a ledger was restored from a backup, an alert that comes again has the same id, and so the
    run that Prefect remembers; a later episode began at another moment and has a run of its own.
    """
    source, key = place
    named = f"{source}|{key}|{episode.number}|{episode.starts_at.isoformat()}"
    return uuid5(_NAMESPACE, named)
