"""What the control API takes and tells about exemptions."""

from __future__ import annotations

from pydantic import Field

from cct_ops.sandbox.strict import Strict


class SeedExemption(Strict):
    """One stored record; ``days_left`` is negative for one whose date is past."""

    file: str = "src/app.ts"
    line: int = 1
    pattern: str = "no-any"
    jira_reference: str = "OPS-1"
    owner: str = "alice@example.com"
    days_left: float = 60
    status: str = Field(default="active", pattern="^(active|expired|revoked)$")


class SeedExemptions(Strict):
    """
    All records, and what is wrong with the system around them.

    ``count_drift`` is by how much the report's count of active records is off; ``hasty_days`` lets
    CCT's cleanup also take records whose date is so many days ahead.
    """

    records: tuple[SeedExemption, ...] = ()
    list_lost: bool = False
    count_drift: int = 0
    hasty_days: float = Field(default=0, ge=0)
    jira_down: bool = False


class ExemptionState(Strict):
    """The truth about one record."""

    jira_reference: str
    owner: str
    status: str
    expiration_date: str


class ExemptionsState(Strict):
    """The truth about all records and their list."""

    records: dict[str, ExemptionState]
    list_lost: bool
    count_drift: int

    def statuses(self) -> dict[str, str]:
        """Return each record's status by its JIRA reference."""
        return {record.jira_reference: record.status for record in self.records.values()}
