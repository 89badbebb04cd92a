"""
Which exemptions are active past their date, and the plan to mark them as expired.

A cleanup finds only what is on CCT's list and reports by CCT's counts. Where these are wrong it
would do half its work and look fine, so then there is no plan: that is another playbook's case.
"""

from __future__ import annotations

from typing import ClassVar

from cct_ops.actions.exemptions import ExpireExemptions
from cct_ops.diagnoses.exemptions import TARGET, ExemptionConclusion, ExemptionFindings
from cct_ops.models.base import counted
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.plan import ExemptionsConsistent, Plan, Step
from cct_ops.models.run import Outcome

# Beyond this many, more than half of all active ones at once look like a wrong clock.
FEW = 5


class CleanupDiagnosis(ExemptionConclusion):
    """The overdue exemptions; without a plan ``outcome`` is how the run ends."""

    playbook: ClassVar[str] = "exemption-cleanup"

    overdue: tuple[Exemption, ...]

    @classmethod
    def of(cls, found: ExemptionFindings, watch_seconds: float) -> CleanupDiagnosis:
        """Conclude from what the probes saw."""
        ends, overdue = found.counts.outcome, found.overdue
        return cls(
            overdue=overdue,
            headline=_headline(found),
            severity=found.severity,
            evidence=found.evidence,
            plan=None if ends or not overdue else _plan(found, watch_seconds),
            outcome=ends or Outcome.NOTHING_TO_DO,
        )


def _plan(found: ExemptionFindings, watch_seconds: float) -> Plan:
    """Plan to mark what is overdue as expired, and nothing else."""
    overdue = found.overdue
    step, summary, blast_radius, needs_person = expiry(found)
    return Plan(
        playbook=CleanupDiagnosis.playbook,
        target=TARGET,
        summary=summary,
        blast_radius=blast_radius,
        steps=(step,),
        steady_state=ExemptionsConsistent(
            active_at_least=found.report.total_active - len(overdue), watch_seconds=watch_seconds
        ),
        state={
            "overdue": ", ".join(sorted(each.jira_reference for each in overdue)),
            "active": found.report.total_active,
        },
        needs_person=needs_person,
    )


def expiry(found: ExemptionFindings) -> tuple[Step, str, str, str | None]:
    """Return the step that marks what is overdue, what it does, whom it hurts, and who decides."""
    expire = ExpireExemptions()
    return (
        # A revalidation makes active again what was marked before its date.
        expire.step(expire.undo(reversible=found.reversible)),
        f"Mark {counted(len(found.overdue), 'exemption')} as expired, past the date.",
        "Exemptions past their date: code that needs one fails its check again.",
        _needs_person(found),
    )


def _needs_person(found: ExemptionFindings) -> str | None:
    """Return why no automation may let them expire alone, or None."""
    overdue, active = len(found.overdue), found.report.total_active
    if overdue > FEW and overdue * 2 > active:
        return f"{overdue} of {active} active exemptions would expire at once: check CCT's clock."
    if not found.reversible:
        return "This CCT cannot make an exemption active again that was marked by mistake."
    return None


def _headline(found: ExemptionFindings) -> str:
    many = len(found.overdue)
    if found.counts.outcome is Outcome.BLOCKED:
        return (
            f"{found.doubt} So a cleanup would not do its work; {many} are active past their date."
            " Run exemption-failure first."
        )
    if found.doubt is not None:
        return found.doubt
    if not many:
        return f"None of {found.report.total_active} active exemptions is past its date."
    owners = sorted({each.owner for each in found.overdue})
    are = "is active past its date" if many == 1 else "are active past their date"
    return f"{counted(many, 'exemption')} {are}, of {', '.join(owners)}."
