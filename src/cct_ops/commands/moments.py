"""Moments as people type them: ``2h``, ``90m``, ``18:30`` or ``2026-11-24T18:30``."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from cct_ops.errors import BadConfiguration

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that is meant at ``now``, whose time zone is the person's own."""
    days, hours, minutes = (int(part or 0) for part in _span(text))
    if days or hours or minutes:
        return now + timedelta(days=days, hours=hours, minutes=minutes)
    try:
        if re.fullmatch(r"\d\d:\d\d", text):
            today = datetime.combine(now.date(), time.fromisoformat(text), now.tzinfo)
            return today if today > now else today + timedelta(days=1)
        given = datetime.fromisoformat(text)
    except ValueError:
        raise BadConfiguration(
            f"{text!r} is no moment: write 2h, 90m, 1d12h, 18:30 or 2026-11-24T18:30"
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=now.tzinfo)


def _span(text: str) -> tuple[str | None, ...]:
    found = _SPAN.fullmatch(text)
    return found.groups() if found else (None, None, None)
