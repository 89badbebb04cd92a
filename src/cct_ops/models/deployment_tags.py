"""The tags in prefect.yaml that mark our deployments, and how often each may run."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLAYBOOK = "playbook"
UPKEEP = "upkeep"
"""Puts back what another run changed, so it is never a new change and nothing pauses it."""

# More digits are no limit, and too many of them no number to Python.
_AT_MOST = re.compile(r"at most (\d{1,9}) at once")


def at_most(tags: Iterable[str]) -> int | None:
    """Return how many runs of a deployment may go on at once, if a tag of it says so."""
    said = [int(found[1]) for tag in tags if (found := _AT_MOST.fullmatch(tag))]
    return min(said, default=None)
