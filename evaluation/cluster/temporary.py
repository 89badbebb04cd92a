"""Temporary changes: each is taken back by its end, or as soon as that can be, and not before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from evaluation.cluster.findings import Finding
from evaluation.cluster.history import Change
from evaluation.cluster.writes import CLOCKS, Write

# docs/temporary-changes.md: within so long, where nothing is away at that time.
GRACE = timedelta(seconds=120)
# And from one hurt to the next, for as long as people are not told that it is overdue.
LONGEST = timedelta(minutes=5)


class Hurt(NamedTuple):
    """From the beginning of a fault until all was well, and how far off the ledger's clock was."""

    began: datetime
    ended: datetime
    off: timedelta = timedelta()


def late(
    writes: Sequence[Write], changes: Sequence[Change], hurts: Sequence[Hurt], asked_at: datetime
) -> Iterator[Finding]:
    """Find changes of one target that stood for longer than they may."""
    for change, made, back in _stood(writes, changes):
        latest = deadline(change.until, hurts)
        at = asked_at if back is None else min(back.times)
        if at <= latest:
            continue
        how = "was never taken back" if back is None else f"was taken back at {at:%H:%M:%S}"
        what = f"{made.words} was to last until {change.until:%H:%M:%S}, and {how}."
        yield Finding("every temporary change taken back in time", change.until, what, at)


def early(
    writes: Sequence[Write], changes: Sequence[Change], cut_off: Collection[UUID]
) -> Iterator[Finding]:
    """Find changes that were taken back before their time, but for those of runs that died."""
    for change, _, back in _stood(writes, changes):
        if back is None or max(back.times) >= change.until - CLOCKS or change.run_id in cut_off:
            continue
        what = f"It was to last until {change.until:%H:%M:%S}, and was taken back: {back.words}."
        yield Finding("no good fix undone", back.seen.at, what)


def deadline(until: datetime, hurts: Sequence[Hurt]) -> datetime:
    """Return when a change is taken back at the latest: faults that keep it up give it time."""
    due = until
    for each in sorted(hurts):
        if each.began <= due < each.ended:
            due = each.ended
    latest = due + GRACE
    for each in sorted(hurts):
        if each.began <= latest and each.ended > due:
            latest = max(latest, each.ended + GRACE)
    return min(latest, max(due + GRACE, until + LONGEST))


def _stood(
    writes: Sequence[Write], changes: Sequence[Change]
) -> Iterator[tuple[Change, Write, Write | None]]:
    """Yield each change that reached CCT with the write that took it back, if one did."""
    for change in changes:
        by = [
            place
            for place, each in enumerate(writes)
            if each.fixes and each.action is not None and each.action.run_id == change.run_id
        ]
        if by:
            back = next((each for each in writes[by[-1] :] if not each.fixes), None)
            yield change, writes[by[0]], back
