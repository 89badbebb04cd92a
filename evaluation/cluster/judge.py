"""
The judge of the soak: CCT's own log of writes and the ledger's history, and nothing else.

It knows no fault but the deaths of processes: a run whose process was killed in the middle of its
change is put back by design, and nobody else's good fix is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.sandbox.inputs import SeenRequest
from evaluation.cluster.episodes import Episode

# From the journal's line to CCT: a pause, a slow link and the client's patience lie in between.
_UNDERWAY = timedelta(seconds=60)
_CLOCKS = timedelta(seconds=1)
RESET = "/api/v1/canary/reset"

_ACTIONS = sa.text("""
    select permits.target, permits.run_id, permits.kind, actions.intended_at,
           permits.issued_at, coalesce(permits.closed_at, permits.expires_at) as ended_at,
           permits.expires_at
    from actions join permits on permits.id = actions.permit_id
    order by actions.intended_at
""")
_DEAD = sa.text("select run_id from run_leases where reaped_at is not null")
_VERIFIED = sa.text("select run_id from verifications where verdict = 'holds'")


class _Action(NamedTuple):
    target: str
    run_id: UUID
    kind: str
    intended_at: datetime
    issued_at: datetime
    ended_at: datetime
    expires_at: datetime


@dataclass
class Counts:
    """What must all be zero."""

    lost: int = 0
    doubled: int = 0
    without_permit: int = 0
    concurrent: int = 0
    undone: int = 0
    stuck: int = 0

    def all_zero(self) -> bool:
        """Say whether all claims held."""
        return not any(vars(self).values())


@dataclass(frozen=True)
class Judge:
    """Holds CCT's writes against the ledger's rows."""

    engine: sa.Engine
    writes: Sequence[SeenRequest]
    episodes: Sequence[Episode]

    def count(self, incidents: dict[str, list[UUID]], expected: Sequence[str]) -> Counts:
        """Count all that should not be; ``expected`` are the things that alerts were taken for."""
        with self.engine.connect() as connection:
            actions = [_Action(*row) for row in connection.execute(_ACTIONS)]
            dead = set(connection.scalars(_DEAD))
            verified = set(connection.scalars(_VERIFIED))
        counts = Counts(
            lost=sum(name not in incidents for name in expected),
            doubled=sum(len(ids) - 1 for ids in incidents.values()),
            stuck=sum(each.outcome is None for each in self.episodes),
        )
        for route, writes in _by_route(self.writes).items():
            own = [each for each in actions if each.target == route]
            by = _matched(writes, own)
            counts.without_permit += sum(each is None for each in by)
            counts.concurrent += _concurrent(writes, by, own)
            counts.doubled += self._repeated(route, writes)
            counts.undone += self._undone(route, writes, by, dead - verified)
        return counts

    def _repeated(self, route: str, writes: Sequence[SeenRequest]) -> int:
        """Count resets of a canary that one before had put back in the same episode."""
        repeated, during, serving = 0, None, False
        for write in writes:
            now = self._number(route, write.at)
            if now != during:
                during, serving = now, False
            repeated += serving and write.path == RESET
            serving = write.path == RESET
        return repeated

    def _undone(
        self,
        route: str,
        writes: Sequence[SeenRequest],
        by: Sequence[_Action | None],
        cut_off: set[UUID],
    ) -> int:
        """Count writes that took a canary away again, but for changes whose process was killed."""
        undone = 0
        for place, write in enumerate(writes):
            if write.path == RESET:
                continue
            number = self._number(route, write.at)
            before = {
                action.run_id
                for other, action in zip(writes[:place], by, strict=False)
                if action is not None and self._number(route, other.at) == number
            }
            undone += not before & cut_off
        return undone

    def _number(self, route: str, at: datetime) -> int | None:
        """Return the episode of a page in which something was written."""
        begun = [each for each in self.episodes if each.route == route and each.pulled_at <= at]
        return begun[-1].number if begun else None


def _by_route(writes: Sequence[SeenRequest]) -> dict[str, list[SeenRequest]]:
    by: dict[str, list[SeenRequest]] = defaultdict(list)
    for write in sorted(writes, key=lambda each: each.at):
        by[write.query.get("route", write.path)].append(write)
    return by


def _matched(writes: Sequence[SeenRequest], own: list[_Action]) -> list[_Action | None]:
    """Return the line in the journal for each write, each line for one write at most."""
    left, by = list(own), list[_Action | None]()
    for write in writes:
        fits = [
            each
            for each in left
            if each.intended_at - _CLOCKS <= write.at <= each.intended_at + _UNDERWAY
            and write.at <= each.expires_at + _CLOCKS
        ]
        action = fits[0] if fits else None
        if action is not None:
            left.remove(action)
        by.append(action)
    return by


def _concurrent(
    writes: Sequence[SeenRequest], by: Sequence[_Action | None], own: Sequence[_Action]
) -> int:
    """Count writes of a run while another run's permit for the same page was open."""
    return sum(
        action is not None
        and any(
            other.run_id != action.run_id
            and other.issued_at < write.at - _CLOCKS
            and write.at + _CLOCKS < other.ended_at
            for other in own
        )
        for write, action in zip(writes, by, strict=True)
    )
