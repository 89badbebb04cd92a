"""
The moments of a timeline as stops along a line that stays readable, however far apart they are.

Seconds beside days on a true scale would be one dot and a desert. So the way from one stop to the
next grows with the logarithm of the time between them, and what lies close together is one stop.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

MOST_STOPS = 60
_FINEST = timedelta(milliseconds=50)
_COARSER = 1.5


def stops_of(moments: Iterable[datetime], most: int = MOST_STOPS) -> list[datetime]:
    """Return where the stops begin: as many as there is room for, each as short as can be."""
    ordered, span = sorted(set(moments)), _FINEST
    found = _within(ordered, span)
    while len(found) > most:
        span *= _COARSER
        found = _within(ordered, span)
    return found


def _within(ordered: Sequence[datetime], span: timedelta) -> list[datetime]:
    """Begin a new stop wherever the last one would last longer than that."""
    begins: list[datetime] = []
    for moment in ordered:
        if not begins or moment - begins[-1] > span:
            begins.append(moment)
    return begins


def stop_at(stops: Sequence[datetime], moment: datetime) -> int:
    """Return the number of the stop to which a moment belongs."""
    return max(0, bisect_right(stops, moment) - 1)


def weights(stops: Sequence[datetime]) -> list[float]:
    """Return how far it is from each stop to the next, by the logarithm of the time between."""
    return [math.log2(1 + (later - earlier).total_seconds()) for earlier, later in pairwise(stops)]


def spread(stops: Sequence[datetime], length: float, least: float) -> list[float]:
    """Return the place of each stop on a line of that length, at least so far apart."""
    gaps = weights(stops)
    if not gaps:
        return [length / 2 for _ in stops]
    # Nearly half of the line is shared evenly, and more where there are many.
    even = max(0.45 * length / len(gaps), least)
    rest = max(0.0, length - even * len(gaps))
    whole = sum(gaps) or 1.0
    places = [0.0]
    for gap in gaps:
        places.append(places[-1] + even + rest * gap / whole)
    return places
