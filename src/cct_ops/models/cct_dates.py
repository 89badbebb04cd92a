"""
Dates as CCT reads them: with JavaScript's ``Date``, which is not Python's reading of ISO 8601.

It knows no basic form and no weeks, counts days beyond a month's end on into the next one, and has
an hour 24; without a zone CCT's clock is UTC. Of the words that it also takes, none is read here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)


def read_date(text: str) -> datetime | None:
    """Return the moment, None where the text is no date to CCT or a year outside of ours."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = (
        found.groups()
    )
    of_day = timedelta(hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0))
    ahead = timedelta(hours=int(ahead_hours or 0), minutes=int(ahead_minutes or 0))
    if not 1 <= int(day or 1) <= 31 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    if of_day > timedelta(days=1) or (of_day == timedelta(days=1) and float(fraction or 0)):
        return None
    try:
        first = datetime(int(year), int(month or 1), 1, tzinfo=UTC)
        moment = first + timedelta(days=int(day or 1) - 1) + of_day
        moment += timedelta(milliseconds=int(1000 * float(fraction or 0)))
        return moment + ahead if sign == "-" else moment - ahead
    except (ValueError, OverflowError):
        return None
