"""The pause before a failed delivery is tried again."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST_ASKED_SECONDS = 900.0
_MOST_DOUBLINGS = 10


def asked_for(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the answer asks for, within reason; None where it asks for none."""
    asked = headers.get("Retry-After", "")
    return min(float(asked), LONGEST_ASKED_SECONDS) if asked.isdecimal() else None


def doubled(first_seconds: float, longest_seconds: float, attempts: int) -> float:
    """Return a pause that doubles with each attempt that failed, up to the longest."""
    return min(longest_seconds, first_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS))
