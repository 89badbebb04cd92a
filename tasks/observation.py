"""How long a change to a setting is watched, as opposed to one that needs traffic to be judged."""

from __future__ import annotations

from tasks.connections import settings

# Long enough to see a second opinion of every cache on the way, short enough for the budget.
LONGEST_SECONDS = 10.0


def watch_seconds() -> float:
    """Return no more than the time by which CCT's reads may lag."""
    return min(settings().settle_seconds, LONGEST_SECONDS)
