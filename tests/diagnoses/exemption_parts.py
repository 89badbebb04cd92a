"""What CCT shows of exemptions, for conclusions that need no CCT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cct_ops.diagnoses.exemptions import ExemptionFindings
from cct_ops.models.cct_exemptions import (
    Exemption,
    ExemptionHealth,
    ExemptionReport,
    Jira,
    OwnerCount,
    PatternCount,
    Validation,
    Violation,
    WeeklyReport,
    WeeklySummary,
)

NOW = datetime(2025, 11, 24, 9, 0, tzinfo=UTC)


def exemption(
    reference: str = "OPS-1", days_left: float = 60, status: str = "active", owner: str = "alice"
) -> Exemption:
    """One record."""
    return Exemption(
        id=f"id-{reference}",
        pattern="no-any",
        file="src/app.ts",
        line=3,
        jira_reference=reference,
        owner=owner,
        expiration_date=(NOW + timedelta(days=days_left)).isoformat(),
        status=status,
    )


def report_on(records: Sequence[Exemption], drift: int = 0) -> ExemptionReport:
    """The report of a CCT that counts these records, off by ``drift``."""
    active = [each for each in records if each.status == "active"]
    soon = NOW + timedelta(days=30)
    return ExemptionReport(
        total_active=len(active) + drift,
        total_expired=sum(each.status == "expired" for each in records),
        upcoming_expirations=tuple(e for e in active if e.expires_at and e.expires_at <= soon),
        by_owner=Counter(each.owner for each in active),
        by_pattern=Counter(each.pattern for each in active),
        generated_at=NOW,
    )


def weekly_on(report: ExemptionReport) -> WeeklyReport:
    """The weekly report that agrees with a report."""
    return WeeklyReport(
        summary=WeeklySummary(
            total_active=report.total_active,
            total_expired=report.total_expired,
            upcoming_expirations=len(report.upcoming_expirations),
            generated_at=NOW,
        ),
        upcoming_expirations=(),
        by_owner=tuple(OwnerCount(owner=o, count=n) for o, n in report.by_owner.items()),
        by_pattern=tuple(PatternCount(pattern=p, count=n) for p, n in report.by_pattern.items()),
        recommendations=(),
    )


def findings(
    *records: Exemption,
    drift: int = 0,
    list_lost: bool = False,
    jira_down: bool = False,
    handlers_only: bool = False,
    violations: Sequence[Violation] = (),
) -> ExemptionFindings:
    """What the probes see of these records."""
    report = report_on([] if list_lost else records, drift)
    past = [e for e in records if e.status == "expired" or e.overdue(NOW)]
    shown = () if handlers_only else records
    health = ExemptionHealth(
        status="degraded" if jira_down else "healthy",
        jira=Jira(reachable=not jira_down, last_error="JIRA answered 503" if jira_down else None),
        total_records=len(records),
    )
    return ExemptionFindings(
        health=None if handlers_only else health,
        validation=Validation(
            valid=not violations,
            total_exemptions=len(shown),
            violations=tuple(violations),
            exemptions=tuple(shown),
        ),
        report=report,
        weekly=weekly_on(report),
        expired=tuple(past),
    )
