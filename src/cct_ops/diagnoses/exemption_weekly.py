"""
The weekly look at exemptions: how many there are, whose, and whether there are too many.

The thresholds are those of CCT's own recommendations, applied to its numbers, so that the alert
level does not depend on the wording of a sentence.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from cct_ops.actions.repository import OpenIssue
from cct_ops.diagnoses.exemptions import ExemptionConclusion, ExemptionFindings
from cct_ops.models.base import counted
from cct_ops.models.cct_exemptions import UpcomingExpiration, WeeklyReport
from cct_ops.models.github import Issue
from cct_ops.models.plan import ChangeHolds, Plan
from cct_ops.models.run import Evidence, Outcome

MOST_ACTIVE = 10
MOST_UPCOMING = 5
MOST_PER_OWNER = 3
MOST_PER_PATTERN = 5


class AlertLevel(StrEnum):
    """The verdict on the numbers of the week."""

    OK = "ok"
    WARNING = "warning"


class WeeklyDiagnosis(ExemptionConclusion):
    """The numbers of the week, what is too many of them, and the plan to open an issue about it."""

    playbook: ClassVar[str] = "exemption-weekly-report"

    weekly: WeeklyReport
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, found: ExemptionFindings) -> WeeklyDiagnosis:
        """Conclude from CCT's weekly report, as far as its counts can be relied on."""
        weekly, doubt = found.weekly, found.doubt
        reasons = tuple(_reasons(weekly))
        high = f"{'; '.join(reasons) or 'No number is too high'}."
        head = weekly.summary
        counts = f"{head.total_active} active, {head.total_expired} expired"
        return cls(
            weekly=weekly,
            reasons=reasons,
            headline=f"Exemptions: {counts}. {doubt or high}",
            severity=found.severity,
            evidence=(
                Evidence.of(
                    "exemptions/weekly-report",
                    f"{counts}, {head.upcoming_expirations} end within 30 days",
                    doubt or f"Alert level {_level(reasons)}.",
                ),
                *found.evidence,
                *(
                    Evidence.of("recommendation of CCT", words, "CCT's words.")
                    for words in weekly.recommendations
                ),
            ),
            outcome=found.counts.outcome
            or (Outcome.RECOMMENDED if reasons else Outcome.NOTHING_TO_DO),
        )

    @property
    def level(self) -> AlertLevel:
        """The alert level: a warning as soon as one number is too high."""
        return _level(self.reasons)

    @property
    def title(self) -> str:
        """The title of the issue that a warning deserves, the same for the whole week."""
        week = f"{self.weekly.summary.generated_at:%G-W%V}"
        return f"Exemptions need attention: weekly report of {week}"

    @property
    def reported(self) -> bool:
        """True if there is an issue of this week already."""
        return self.level is AlertLevel.WARNING and self.outcome is Outcome.NOTHING_TO_DO

    def with_issue(self, known: Issue | None, body: str) -> WeeklyDiagnosis:
        """Plan to open the issue, unless the week has one, open or closed by somebody since."""
        if known is None:
            return self.model_copy(update={"plan": _plan(self, body)})
        seen = f"#{known.number} is {known.state}: {known.html_url}"
        fact = Evidence.of("GitHub issues", seen, "This week's was opened.")
        return self.model_copy(
            update={
                "headline": f"{self.headline} Issue #{known.number} of this week tells it already.",
                "evidence": (*self.evidence, fact),
                "outcome": Outcome.NOTHING_TO_DO,
            }
        )

    def without_issue(self, why: str) -> WeeklyDiagnosis:
        """Say why no issue can be opened; then a person does it."""
        fact = Evidence.of("GitHub issues", why, "A person opens the issue.")
        return self.model_copy(update={"evidence": (*self.evidence, fact)})


def overdue(weekly: WeeklyReport) -> tuple[UpcomingExpiration, ...]:
    """Return the active ones whose date is past; CCT rounds their days up, hence 0 is past too."""
    return tuple(e for e in weekly.upcoming_expirations if e.days_until_expiration <= 0)


def _plan(diagnosis: WeeklyDiagnosis, body: str) -> Plan:
    title = diagnosis.title
    issue = OpenIssue(title=title, body=body)
    return Plan(
        playbook=WeeklyDiagnosis.playbook,
        target=diagnosis.target,
        summary=f"Open the issue {title!r}.",
        blast_radius="One issue in CCT's repository, and whoever is told of new ones.",
        steps=(issue.step(issue.undo()),),
        steady_state=ChangeHolds(what=f"The issue {title!r} is open", watch_seconds=0),
        state={"reasons": "; ".join(diagnosis.reasons)},
    )


def _level(reasons: tuple[str, ...]) -> AlertLevel:
    return AlertLevel.WARNING if reasons else AlertLevel.OK


def _reasons(weekly: WeeklyReport) -> list[str]:
    head, past = weekly.summary, overdue(weekly)
    said = []
    if head.total_active > MOST_ACTIVE:
        said.append(f"{head.total_active} are active, more than {MOST_ACTIVE}")
    if head.upcoming_expirations > MOST_UPCOMING:
        said.append(f"{head.upcoming_expirations} end within 30 days, more than {MOST_UPCOMING}")
    if past:
        said.append(f"{len(past)} are past their date and still active")
    said += [
        f"{each.owner} has {each.count}, more than {MOST_PER_OWNER}"
        for each in weekly.by_owner
        if each.count > MOST_PER_OWNER
    ]
    said += [
        f"{each.pattern} is exempted {counted(each.count, 'time')}, more than {MOST_PER_PATTERN}"
        for each in weekly.by_pattern
        if each.count > MOST_PER_PATTERN
    ]
    return said
