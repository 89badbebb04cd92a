"""Moments as people type them: ``2h``, ``90m``, ``18:30`` or ``2026-11-24T18:30``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from cct_ops.errors import BadConfiguration

_SPAN = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?")


def moment(text: str, now: datetime) -> datetime:
    """
    Return the moment that is meant at ``now``.

    An hour or a date is meant by the clock on the wall where the person is, on that day: between
    now and then it may be put forward or back.
    """
    try:
        days, hours, minutes = (int(part or 0) for part in _span(text))
        if days or hours or minutes:
            return (now + timedelta(days=days, hours=hours, minutes=minutes)).astimezone()
        if re.fullmatch(r"\d\d:\d\d", text):
            wall = datetime.combine(now.astimezone().date(), time.fromisoformat(text))
            today = wall.astimezone()
            return today if today > now else (wall + timedelta(days=1)).astimezone()
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise BadConfiguration(
            f"{text!r} is no moment: write 2h, 90m, 1d12h, 18:30 or 2026-11-24T18:30"
        ) from None


def _span(text: str) -> tuple[str | None, ...]:
    found = _SPAN.fullmatch(text)
    return found.groups() if found else (None, None, None)


def past(text: str, *, option: str = "--since", ahead: bool = True) -> datetime:
    """
    Return a moment that is so long ago, or the one that is named; without an offset in UTC.

    One that is still to come is refused unless it may be ``ahead``.
    """
    from cct_ops.models.since import began, passed

    try:
        return (began if ahead else passed)(text, datetime.now(UTC))
    except ValueError as error:
        raise BadConfiguration(f"{option} {error}") from None
