"""The beginning of the time that is looked at, as people give it: ``30d``, ``12h`` or a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"([0-9]{1,6})([mhd])")

Since = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{2,15}(Z|[+-][0-9:]+)?)?)$"
    ),
]
"""What a form takes; whether there is such a day only ``began`` knows."""


def began(text: str, now: datetime) -> datetime:
    """
    Return the moment that is so long before ``now``, or the one that is named, without offset UTC.

    Raises ``ValueError``, which says so, where it is none.
    """
    try:
        if span := _SPAN.fullmatch(text):
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no moment: write 30m, 12h, 7d or 2026-11-24T18:30") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def passed(text: str, now: datetime) -> datetime:
    """Return the same; raises ``ValueError`` as well where it is still to come."""
    moment = began(text, now)
    if moment > now:
        raise ValueError(f"{text!r} is still to come: now it is {now:%Y-%m-%dT%H:%M} in UTC")
    return moment
