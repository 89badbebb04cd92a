"""
What is wrong with the exemption system, and which of the runbook's three fixes would help.

A cleanup can be taken back, a revalidation and a reset cannot. What no fix helps (JIRA is down, a
record is invalid) is for people, with the records and their owners named.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import ClassVar, Literal

from cct_ops.actions.exemptions import ResetExemptions, RevalidateExemptions
from cct_ops.diagnoses.evidence import Counts
from cct_ops.diagnoses.exemption_cleanup import expiry
from cct_ops.diagnoses.exemptions import TARGET, ExemptionConclusion, ExemptionFindings
from cct_ops.models.base import Frozen, counted
from cct_ops.models.plan import ExemptionsConsistent, Plan, Step
from cct_ops.models.run import Evidence, Outcome, Severity

# CCT's own is JavaScript's ^[A-Z]+-\d+$, where \d is ASCII and $ is the very end.
JIRA_REFERENCE = r"^[A-Z]+-[0-9]+\Z"


class Fix(StrEnum):
    """The fix to apply: the one that the diagnosis recommends, or one of the runbook's."""

    RECOMMENDED = "recommended"
    CLEANUP = "cleanup"
    REVALIDATE = "revalidate"
    RESET = "reset"


class Cause(StrEnum):
    """A fault of the exemption system; several may hold at once."""

    LIST_LOST = "the report lost its list"
    COUNTS_WRONG = "counts disagree"
    OVERDUE = "expired ones are still active"
    INVALID_RECORDS = "records are invalid"
    JIRA_UNREACHABLE = "JIRA cannot be reached"


_BLINDING = frozenset({Cause.LIST_LOST, Cause.COUNTS_WRONG, Cause.JIRA_UNREACHABLE})
# What a CCT with only its own handlers has in the place of two fixes.
_INSTEAD = {
    Fix.REVALIDATE: "its validate only answers and changes nothing",
    Fix.RESET: "its revoke ends one record at a time",
}


class BrokenRule(Frozen):
    """A rule that the data breaks: about records or about counts, how often, and by which."""

    about: Literal["records", "counts"]
    rule: str
    times: int
    examples: tuple[str, ...]


class ExemptionDiagnosis(ExemptionConclusion):
    """The faults and the fix; without a plan ``outcome`` is how the run ends."""

    playbook: ClassVar[str] = "exemption-failure"

    causes: tuple[Cause, ...]

    @classmethod
    def of(
        cls,
        found: ExemptionFindings,
        broken: tuple[BrokenRule, ...],
        fix: Fix,
        watch_seconds: float,
    ) -> ExemptionDiagnosis:
        """Conclude from what the probes saw and from what the data checks found."""
        causes = tuple(_causes(found, broken))
        chosen = _recommended(causes, found) if fix is Fix.RECOMMENDED else fix
        plan, no_plan = None, "None of the fixes helps: people have to look at it."
        outcome = found.counts.outcome or Outcome.NOTHING_TO_DO
        if causes:
            outcome = Outcome.RECOMMENDED
        if causes and chosen and (refusal := _refusal(found, chosen)):
            no_plan, outcome = refusal, Outcome.BLOCKED
        elif causes and chosen:
            plan = _plan(causes, found, chosen, watch_seconds)
        return cls(
            causes=causes,
            headline=_headline(causes, found, broken, None if plan else no_plan),
            severity=Severity.P1 if _BLINDING.intersection(causes) else Severity.P2,
            evidence=(
                *found.evidence,
                *(
                    Evidence.of(
                        f"data check of {rule.about}",
                        f"{counted(rule.times, 'time')}: {', '.join(rule.examples)}",
                        f"Broken: {rule.rule}.",
                    )
                    for rule in broken
                ),
            ),
            plan=plan,
            outcome=outcome,
        )


def _causes(found: ExemptionFindings, broken: tuple[BrokenRule, ...]) -> list[Cause]:
    counts = found.disagreements or any(rule.about == "counts" for rule in broken)
    holds = {
        Cause.LIST_LOST: found.counts is Counts.LOST,
        # A lost list makes every count wrong; that is one cause and not two.
        Cause.COUNTS_WRONG: bool(counts) and found.counts is not Counts.LOST,
        Cause.OVERDUE: bool(found.overdue),
        Cause.INVALID_RECORDS: any(rule.about == "records" for rule in broken),
        Cause.JIRA_UNREACHABLE: found.health is not None and not found.health.jira.reachable,
    }
    return [cause for cause, there in holds.items() if there]


def _recommended(causes: tuple[Cause, ...], found: ExemptionFindings) -> Fix | None:
    """Return the fix that helps with the least; a reset is nobody's recommendation."""
    if Cause.LIST_LOST in causes or Cause.COUNTS_WRONG in causes:
        # Mounted handlers have nothing that counts anew.
        return Fix.REVALIDATE if found.reversible else None
    return Fix.CLEANUP if Cause.OVERDUE in causes else None


def _refusal(found: ExemptionFindings, fix: Fix) -> str | None:
    """Return why this CCT cannot be given the fix, or None."""
    if found.reversible or fix not in _INSTEAD:
        return None
    return f"This CCT does not offer to {fix}: {_INSTEAD[fix]}."


def _plan(
    causes: tuple[Cause, ...], found: ExemptionFindings, fix: Fix, watch_seconds: float
) -> Plan:
    step, summary, blast_radius, person = _described(found, fix)
    return Plan(
        playbook=ExemptionDiagnosis.playbook,
        target=TARGET,
        summary=summary,
        blast_radius=blast_radius,
        steps=(step,),
        steady_state=ExemptionsConsistent(
            active_at_least=_stay_active(found, fix), watch_seconds=watch_seconds
        ),
        state={
            "causes": "; ".join(causes),
            "overdue": ", ".join(sorted(each.jira_reference for each in found.overdue)),
            "records": len(found.validation.exemptions),
        },
        needs_person=person,
    )


def _described(found: ExemptionFindings, fix: Fix) -> tuple[Step, str, str, str | None]:
    """Return the one step of a fix, what it does, whom it can hurt, and why a person decides."""
    match fix:
        case Fix.CLEANUP:
            return expiry(found)
        case Fix.RESET:
            return (
                ResetExemptions().step(None),
                "Keep only exemptions that are active, in date and valid; forget all others.",
                "Every expired, revoked or invalid record is lost for good.",
                "A reset loses records for good.",
            )
        case _:
            return (
                RevalidateExemptions().step(None),
                "Derive every exemption's status from its date, and count anew.",
                "Statuses and counts of all exemptions; no record is lost.",
                "A revalidation changes what every report counts, and cannot be taken back.",
            )


def _stay_active(found: ExemptionFindings, fix: Fix) -> int:
    """Count the exemptions that the fix must leave active, by the records where there are any."""
    now, records = found.report.generated_at, found.validation.exemptions
    if not records:
        return max(found.report.total_active - len(found.overdue), 0)
    good = [each for each in records if each.status == "active" and not each.overdue(now)]
    if fix is Fix.RESET:
        good = [each for each in good if re.search(JIRA_REFERENCE, each.jira_reference)]
    return len(good)


def _headline(
    causes: tuple[Cause, ...],
    found: ExemptionFindings,
    broken: tuple[BrokenRule, ...],
    no_plan: str | None,
) -> str:
    if found.doubt is not None and not causes:
        return found.doubt
    if not causes:
        unseen = "" if found.reversible else " This CCT does not show its records, only the counts."
        return (
            f"The exemption system is consistent: {found.report.total_active} active,"
            f" {found.report.total_expired} expired.{unseen}"
        )
    said = {
        Cause.LIST_LOST: "the report shows zeros although there are records",
        Cause.COUNTS_WRONG: "its counts disagree"
        + (f" ({found.disagreements[0]})" if found.disagreements else ""),
        Cause.OVERDUE: f"{len(found.overdue)} are active past their date",
        Cause.INVALID_RECORDS: f"{_invalid(broken)} break a rule",
        Cause.JIRA_UNREACHABLE: "JIRA cannot be reached",
    }
    what = "; ".join(said[cause] for cause in causes)
    return f"Exemptions: {what}." + (f" {no_plan}" if no_plan else "")


def _invalid(broken: tuple[BrokenRule, ...]) -> str:
    wrong = [rule for rule in broken if rule.about == "records"]
    first = ", ".join(wrong[0].examples[:3]) if wrong else ""
    return f"{sum(rule.times for rule in wrong)} records (first: {first})"
