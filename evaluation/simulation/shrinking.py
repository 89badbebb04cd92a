"""Fewer and fewer events, as long as what they end in stays the same (delta debugging)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise


def shrunk(events: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """
    Return events that fail as all of them do, of which none can be left out.

    ``fails`` is asked for parts of the events, in their order: first for halves, then for ever
    smaller parts and for what is left without one of them.
    """
    left, parts = list(events), 2
    while len(left) > 1:
        borders = [len(left) * number // parts for number in range(parts + 1)]
        pieces = [left[begin:end] for begin, end in pairwise(borders)]
        fewer = next((piece for piece in pieces if fails(piece)), None)
        if fewer is not None:
            left, parts = fewer, 2
            continue
        rests = ([each for each in left if each not in piece] for piece in pieces)
        fewer = next((rest for rest in rests if parts > 2 and fails(rest)), None)
        if fewer is not None:
            left, parts = fewer, parts - 1
        elif parts == len(left):
            break
        else:
            parts = min(parts * 2, len(left))
    return left
