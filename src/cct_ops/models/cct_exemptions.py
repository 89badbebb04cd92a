"""
What CCT says about its exemptions: permissions, each with an end, to break a rule of the code.

Dates are kept as CCT gives them, because it takes any text for one; what is no date never expires.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from cct_ops.models.cct import Wire
from cct_ops.models.cct_dates import read_date


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
        """Whether it is still active although its date has come."""
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
    """How many active records an owner has."""

    owner: str
    count: int


class PatternCount(Wire):
    """How many active records a pattern has."""

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
    """Whether the exemption system can ask JIRA."""

    reachable: bool
    last_error: str | None = None


class ExemptionHealth(Wire):
    """What the exemption system says of itself: healthy or degraded."""

    status: str
    jira: Jira
    total_records: int
