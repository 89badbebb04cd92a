"""Many things that happen at their own moments, one after another, on a clock that jumps."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Generator
from datetime import datetime, timedelta

# What a run or a person does: each yield lets that much time go by.
Activity = Generator[timedelta, None, None]


class Scheduler:
    """All activities that are under way, in order of time."""

    def __init__(self, start: datetime, move: Callable[[datetime], None]) -> None:
        self._move = move
        self._order = itertools.count()
        self._next: list[tuple[datetime, int, Activity]] = []
        self.now = start

    def begin(self, at: datetime, activity: Activity) -> None:
        """Let a activity begin at that moment."""
        heapq.heappush(self._next, (at, next(self._order), activity))

    def run(self, until: datetime) -> None:
        """Let all of it happen up to that moment."""
        while self._next and self._next[0][0] <= until:
            moment, _, activity = heapq.heappop(self._next)
            if moment != self.now:
                self.now = moment
                self._move(moment)
            pause = next(activity, None)
            if pause is not None:
                self.begin(moment + pause, activity)
        self.now = until
        self._move(until)
