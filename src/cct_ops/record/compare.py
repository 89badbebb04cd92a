"""Compares the leaves of a log with those that a witness has seen, and names them."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from cct_ops.clients.text import WORDS_LIMIT, one_line
from cct_ops.record.canonical import UNREADABLE


class Difference(NamedTuple):
    """A leaf that is not as it was seen: at which place, and in which way."""

    position: int
    how: str


def differences(seen: Sequence[bytes], there: Sequence[bytes]) -> list[Difference]:
    """
    Return how the hashes that are there differ from those that were seen.

    What lies beyond the end of those that were seen is news.
    """
    if list(there[: len(seen)]) == list(seen):
        return []
    places = {each: at for at, each in enumerate(seen)}
    present = set(there)
    missing = {at for at, each in enumerate(seen) if each not in present}
    strange = {at for at, each in enumerate(there[: len(seen)]) if each not in places}
    changed = missing & strange
    known = [(at, places[each]) for at, each in enumerate(there) if each in places]
    return sorted(
        [
            *(Difference(at, "changed") for at in changed),
            *(Difference(at, "missing") for at in missing - changed),
            *(Difference(at, "inserted") for at in strange - changed),
            *(Difference(at, "out of order") for at in _displaced(known)),
        ]
    )


def _displaced(known: Sequence[tuple[int, int]]) -> list[int]:
    """Return the fewest places without which the rest is in the order in which it was seen."""
    ends: list[int] = []  # the last of the best sequence of each length
    at_end: list[int] = []
    before: list[int] = []
    for number, (_, was) in enumerate(known):
        length = bisect_left(ends, was)
        before.append(at_end[length - 1] if length else -1)
        if length == len(ends):
            ends.append(was)
            at_end.append(number)
        else:
            ends[length], at_end[length] = was, number
    kept = set()
    number = at_end[-1] if at_end else -1
    while number >= 0:
        kept.add(number)
        number = before[number]
    return [at for number, (at, _) in enumerate(known) if number not in kept]


def about(leaf: str) -> str:
    """Say of which row a leaf speaks, and of what that happened to it."""
    try:
        said = json.loads(leaf)
        name = f"{said['operation']} of {said['kind']} {said['key']} at {said['at']}"
        return one_line(name, WORDS_LIMIT)
    except UNREADABLE:
        return "none that the log could have made"
