"""
What the exemption system shows at one moment, and whether its parts agree with each other.

CCT keeps the records for a year and the list that its reports go by for a day, and counts an error
of its own as zero. So no single answer is believed: report, weekly report and records must agree.
"""

from __future__ import annotations

from cct_ops.diagnoses.evidence import PERHAPS_LOST, Counts, counts, lists_records, not_offered
from cct_ops.models.base import Frozen
from cct_ops.models.cct_exemptions import (
    Exemption,
    ExemptionHealth,
    ExemptionReport,
    Validation,
    WeeklyReport,
)
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import ExemptionsConsistent
from cct_ops.models.run import Evidence, Outcome, Severity
from cct_ops.models.verification import Verdict, Verification

TARGET = "exemptions"
"""All exemption playbooks work on one target, so that only one of them changes it at a time."""


class ExemptionConclusion(Conclusion):
    """The conclusion of an exemption playbook."""

    target: str = TARGET


class ExemptionFindings(Frozen):
    """The findings of the probes; ``health`` is None where CCT has only its own handlers."""

    health: ExemptionHealth | None
    validation: Validation
    report: ExemptionReport
    weekly: WeeklyReport
    expired: tuple[Exemption, ...]

    @property
    def overdue(self) -> tuple[Exemption, ...]:
        """The records that are active past their date, oldest first."""
        now = self.report.generated_at
        return tuple(
            sorted(
                (each for each in self.expired if each.overdue(now)),
                key=lambda each: (each.expiration_date, each.jira_reference),
            )
        )

    @property
    def counts(self) -> Counts:
        """The reliability of the counts."""
        return counts(self.report, self.disagreements, records=self._records)

    @property
    def doubt(self) -> str | None:
        """The doubt about the counts as a sentence; None where they can be relied on."""
        match self.counts:
            case Counts.RELIABLE:
                return None
            case Counts.PERHAPS_LOST:
                return f"The report counts no exemption. {PERHAPS_LOST}."
            case found:
                why = found.value if found is Counts.LOST else "; ".join(self.disagreements)
                return f"CCT's exemption counts cannot be relied on ({why})."

    @property
    def severity(self) -> Severity:
        """P1 where the counts are wrong: then nobody sees what expires."""
        return Severity.P1 if self.counts.outcome is Outcome.BLOCKED else Severity.P2

    @property
    def _records(self) -> int | None:
        """The number of records seen beside the counts; None where this CCT shows none."""
        shown = len(self.expired) + len(self.validation.exemptions)
        if self.health is not None:
            return max(shown, self.health.total_records)
        return shown or None

    @property
    def reversible(self) -> bool:
        """True if this CCT can derive an exemption's status anew, which undoes a cleanup."""
        return self.health is not None

    @property
    def disagreements(self) -> tuple[str, ...]:
        """The disagreements, each as a clause."""
        return disagreements(self.report, self.weekly, self.validation)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence, endpoint by endpoint."""
        return (
            _health_evidence(self.health),
            _report_evidence(self),
            _validation_evidence(self.validation),
            _expired_evidence(self),
        )


def disagreements(
    report: ExemptionReport, weekly: WeeklyReport, validation: Validation
) -> tuple[str, ...]:
    """Compare the reports with each other and, where CCT shows any, with the records."""
    head = weekly.summary
    pairs = [
        ("the weekly report's active ones", head.total_active, report.total_active),
        ("the weekly report's expired ones", head.total_expired, report.total_expired),
        (
            "the weekly report's upcoming ones",
            head.upcoming_expirations,
            len(report.upcoming_expirations),
        ),
        ("the sum over owners", sum(report.by_owner.values()), report.total_active),
        ("the sum over patterns", sum(report.by_pattern.values()), report.total_active),
    ]
    # Mounted handlers never show a record here, whatever is stored.
    if validation.exemptions:
        active = sum(each.status == "active" for each in validation.exemptions)
        pairs.append(("the active records", active, report.total_active))
    return tuple(
        f"{what} are {seen}, not {wanted}" for what, seen, wanted in pairs if seen != wanted
    )


def judge(
    steady: ExemptionsConsistent,
    report: ExemptionReport,
    weekly: WeeklyReport,
    validation: Validation,
) -> Verification:
    """Test the exemption report after a change: all agrees, nothing is overdue or lost."""
    wrong = list(disagreements(report, weekly, validation))
    overdue = [e for e in report.upcoming_expirations if e.overdue(report.generated_at)]
    if overdue:
        wrong.append(f"{len(overdue)} are active past their date")
    if report.total_active < steady.active_at_least:
        wrong.append(
            f"{report.total_active} are active where {steady.active_at_least} must have stayed"
        )
    if wrong:
        return Verification(verdict=Verdict.BROKEN, reason=f"Of the exemptions {'; '.join(wrong)}.")
    return Verification(
        verdict=Verdict.HOLDS,
        reason=(
            f"{report.total_active} active and {report.total_expired} expired exemptions;"
            f" {_agreeing(validation)} agree, and none is active past its date."
        ),
        samples=report.total_active + report.total_expired,
    )


def _health_evidence(health: ExemptionHealth | None) -> Evidence:
    if health is None:
        return not_offered("exemptions/health", "CCT has only its own handlers mounted.")
    if health.jira.reachable:
        observed, meaning = f"{health.status}, JIRA reachable", "The system says that it is well."
    else:
        observed = f"{health.status}, JIRA: {health.jira.last_error or 'not reachable'}"
        meaning = "References cannot be checked against JIRA; their form still can."
    return Evidence.of("exemptions/health", observed, meaning)


def _agreeing(validation: Validation) -> str:
    """Name what agrees; a validation that lists nothing is no witness."""
    if lists_records(validation):
        return "report, weekly report and validation"
    return "report and weekly report"


def _report_evidence(found: ExemptionFindings) -> Evidence:
    report = found.report
    meaning = found.doubt
    if found.counts is Counts.LOST:
        meaning = "CCT lost its list of exemptions, which lives for a day; the records are there."
    elif meaning is None:
        meaning = f"{_agreeing(found.validation).capitalize()} agree."
    return Evidence.of(
        "exemptions/report",
        f"{report.total_active} active, {report.total_expired} expired,"
        f" {len(report.upcoming_expirations)} end within 30 days",
        meaning,
    )


def _validation_evidence(validation: Validation) -> Evidence:
    errors = [each for each in validation.violations if each.severity == "error"]
    first = f", first: {errors[0].file}:{errors[0].line} {errors[0].reason}" if errors else ""
    meaning = "Some records break CCT's rules." if errors else "No record breaks CCT's rules."
    if not lists_records(validation):
        meaning = "It lists no record, which says nothing: CCT's own answers so whatever there is."
    return Evidence.of(
        "exemptions/validate",
        f"{validation.total_exemptions} records, {len(errors)} errors{first}",
        meaning,
    )


def _expired_evidence(found: ExemptionFindings) -> Evidence:
    overdue = found.overdue
    named = ", ".join(f"{each.jira_reference} ({each.owner})" for each in overdue[:5])
    more = f" and {len(overdue) - 5} more" if len(overdue) > 5 else ""
    late = f"{len(overdue)} active past their date: {named}{more}"
    if found.health is None:
        seen = late if overdue else "none active past its date, as far as the counts hold"
        return not_offered("exemptions/expired", f"By the report: {seen}.")
    return Evidence.of(
        "exemptions/expired",
        late if overdue else f"{len(found.expired)} past their date, all marked",
        "They still let code break a rule." if overdue else "No cleanup is due.",
    )
