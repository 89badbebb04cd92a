"""How many and how long, as people write it: ``1 record``, ``20 seconds``, ``90 minutes``."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """Return the number with the noun in the form that belongs to it."""
    return f"{number:g} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Return a length of time in whole seconds, or in minutes where it has as many."""
    if seconds < 600 and seconds % 60:
        return counted(round(seconds, None if seconds >= 10 else 1), "second")
    return counted(round(seconds / 60, 1), "minute")
