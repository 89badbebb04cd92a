"""
What CCT says about its exemptions: permissions, each with an end, to break a rule of the code.

Dates are kept as CCT gives them, because it takes any text for one; what is no date never expires.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime

from cct_ops.models.cct import Wire

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)


def read_date(text: str) -> datetime | None:
    """
    Return the moment, None where the text is no date to CCT or a year outside of ours.

    CCT reads dates with JavaScript's ``Date``, which is not Python's reading of ISO 8601. It knows
    no basic form and no weeks, counts days beyond a month's end on into the next one, and has an
    hour 24; without a zone CCT's clock is UTC. Of the words that it also takes, none is read here.
    """
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


class Exemption(Wire):
    """One record; ``status`` is active, expired or revoked."""

    id: str
    pattern: str
    file: str
    line: int
    jira_reference: str
    owner: str
    expiration_date: str
    status: str

    @property
    def expires_at(self) -> datetime | None:
        """The moment of its end, or None where the date cannot be read."""
        return read_date(self.expiration_date)

    def overdue(self, moment: datetime) -> bool:
        """True if it is still active although its date has come."""
        return self.status == "active" and self.expires_at is not None and self.expires_at <= moment


class ExemptionReport(Wire):
    """
    The counts; owners and patterns are of active records only.

    ``upcoming_expirations`` are the active records that end within 30 days, past ones included.
    """

    total_active: int
    total_expired: int
    upcoming_expirations: tuple[Exemption, ...]
    by_owner: dict[str, int]
    by_pattern: dict[str, int]
    generated_at: AwareDatetime


class WeeklySummary(Wire):
    """The counts at the head of the weekly report."""

    total_active: int
    total_expired: int
    upcoming_expirations: int
    generated_at: AwareDatetime


class UpcomingExpiration(Wire):
    """An active record that ends soon; negative days are past."""

    jira_reference: str
    file: str
    line: int
    owner: str
    expiration_date: str
    days_until_expiration: int


class OwnerCount(Wire):
    """The number of active records of an owner."""

    owner: str
    count: int


class PatternCount(Wire):
    """The number of active records of a pattern."""

    pattern: str
    count: int


class WeeklyReport(Wire):
    """The report for people; the recommendations are CCT's own words."""

    summary: WeeklySummary
    upcoming_expirations: tuple[UpcomingExpiration, ...]
    by_owner: tuple[OwnerCount, ...]
    by_pattern: tuple[PatternCount, ...]
    recommendations: tuple[str, ...]


class Violation(Wire):
    """One thing that validation found wrong; ``severity`` is warning or error."""

    pattern: str
    file: str
    line: int
    reason: str
    severity: str


class Validation(Wire):
    """The records of the validated files, and what is wrong with them."""

    valid: bool
    total_exemptions: int
    violations: tuple[Violation, ...]
    exemptions: tuple[Exemption, ...]


class Jira(Wire):
    """The connection of the exemption system to JIRA."""

    reachable: bool
    last_error: str | None = None


class ExemptionHealth(Wire):
    """The exemption system's own status: healthy or degraded."""

    status: str
    jira: Jira
    total_records: int
