"""Times in which automation leaves targets alone: the policy's windows, and what people declare."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from cct_ops.models.base import Frozen, Pattern, matches

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError("no such time zone; write one like Europe/Berlin") from None
    return name


def _as_hours_and_minutes(written: object) -> object:
    """YAML reads 02:00 without quotes as the number 120, which would pass as two minutes."""
    if not isinstance(written, str) or re.fullmatch(r"\d\d:\d\d", written) is None:
        raise ValueError('write the time as "HH:MM", in quotes')
    return written


Zone = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone that this machine knows."""

ClockTime = Annotated[time, BeforeValidator(_as_hours_and_minutes)]
"""A time of the day as people write it."""


class Window(Frozen):
    """
    Hours that come back on the same days of each week.

    With ``end`` at or before ``start`` the window reaches into the next day.
    """

    name: str = Field(min_length=1)
    days: tuple[Day, ...] = Field(DAYS, min_length=1)
    start: ClockTime
    end: ClockTime
    timezone: Zone = "UTC"
    targets: tuple[Pattern, ...] = Field(("*",), min_length=1)

    def covers(self, target: str, moment: datetime) -> bool:
        """Return whether the moment lies in the window, for this target."""
        return matches(target, self.targets) and self.end_after(moment) is not None

    def end_after(self, moment: datetime) -> datetime | None:
        """Return when the window ends that the moment lies in, or None if it lies in none."""
        zone = ZoneInfo(self.timezone)
        local = moment.astimezone(zone)
        for begins_on in (local.date(), local.date() - timedelta(days=1)):
            if DAYS[begins_on.weekday()] not in self.days:
                continue
            ends_on = begins_on + timedelta(days=int(self.end <= self.start))
            begin = datetime.combine(begins_on, self.start, zone)
            end = datetime.combine(ends_on, self.end, zone)
            if begin <= local < end:
                return end.astimezone(UTC)
        return None


class Declared(Frozen):
    """
    Maintenance that somebody declared, once and for these hours.

    It ends by itself, or before that by a person.
    """

    id: UUID
    targets: tuple[Pattern, ...] = Field(min_length=1)
    starts_at: datetime
    ends_at: datetime
    reason: str = Field(min_length=1)
    person: str
    made_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    def is_about(self, target: str) -> bool:
        """Return whether it is about this target."""
        return matches(target, self.targets)
