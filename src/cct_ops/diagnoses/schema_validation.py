"""
Why test summaries fail their schema, how much that hurts, and what could be done about it.

The runbook's three ways out: let the schema accommodate what is new, put the summary right, or, in
an emergency and for a while only, let the workflow warn instead of fail.
"""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

from cct_ops.actions.repository import ProposeChange, SetVariable
from cct_ops.diagnoses.schema_findings import MODE_VARIABLE, WARN, Fix, SchemaFindings, Validation
from cct_ops.models.base import counted, duration
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.github import RepositoryFile
from cct_ops.models.plan import ChangeHolds, Plan
from cct_ops.models.run import Evidence, Outcome, Severity
from cct_ops.models.summary import Proposal

SHOWN_PROBLEMS = 3
SHOWN_CHANGES = 5
MOST_CHANGES = 200

# The schema's rules that a field breaks that it does not know.
NEW_FIELD_RULES = frozenset({"additionalProperties", "unevaluatedProperties"})


class SchemaDiagnosis(Conclusion):
    """The fault of the validation in ``target``, a workflow, and the plan of one option."""

    playbook: ClassVar[str] = "schema-validation"

    @classmethod
    def of(cls, target: str, found: SchemaFindings, fix: Fix, minutes: int) -> SchemaDiagnosis:
        """Conclude from what the probes saw; the same findings always give the same diagnosis."""
        plan = _plan(target, found, fix, minutes)
        return cls(
            target=target,
            headline=_headline(target, found, plan if isinstance(plan, str) else None),
            severity=_severity(found),
            evidence=_evidence(target, found),
            plan=None if isinstance(plan, str) else plan,
            outcome=Outcome.BLOCKED if found.validation.wrong else Outcome.NOTHING_TO_DO,
        )


def _severity(found: SchemaFindings) -> Severity:
    """P0: everything fails and deployments are blocked. P1: a part fails. P2: drift only."""
    seen = found.validation
    if not seen.wrong:
        return Severity.P2
    if found.blocking and seen.all_wrong:
        return Severity.P0
    fix = seen.schema_fix
    drift = fix is not None and fix.changes and not fix.left and not seen.unreadable
    return Severity.P2 if drift and not found.blocking else Severity.P1


def _headline(target: str, found: SchemaFindings, obstacle: str | None) -> str:
    seen = found.validation
    if not seen.wrong:
        after = ", yet its latest run failed for another reason" if found.blocking else ""
        return f"Every summary that {target} validates fits the schema{after}."
    blocks = "and blocks deployments" if found.blocking else "and blocks nothing yet"
    what = seen.schema_problem or (
        f"{counted(len(seen.problems) + len(seen.unreadable), 'problem')}"
        f" in {counted(len(seen.checked), 'summary', 'summaries')}"
    )
    more = f" {obstacle}" if obstacle else ""
    return f"Schema validation fails {blocks}: {what.rstrip('.')}.{more}"


def _plan(target: str, found: SchemaFindings, fix: Fix, minutes: int) -> Plan | str | None:
    """Plan the wanted option, or say why not; None is nothing to do."""
    if not found.validation.wrong:
        return None
    match fix:
        case Fix.SCHEMA:
            return _schema_plan(target, found)
        case Fix.SUMMARY:
            return _summary_plan(target, found)
        case Fix.BYPASS:
            return _bypass_plan(found, minutes)


def _schema_plan(target: str, found: SchemaFindings) -> Plan | str | None:
    proposal, file = found.validation.schema_fix, found.schema_file
    if proposal is None or file is None or not proposal.changes:
        unknown = proposal and next((p for p in proposal.left if p.rule in NEW_FIELD_RULES), None)
        if unknown:
            return f"A person must say where the schema should allow it: {unknown}"
        return f"The schema knows every field, so choose: {Fix.SUMMARY}."
    compatible = (
        "backward compatible"
        if proposal.doubt is None
        else f"not shown to be backward compatible, because {proposal.doubt}"
    )
    stays = ""
    if proposal.left:
        many = counted(len(proposal.left), "problem")
        stays = f" What stays, as no new field is its reason: {many}."
    return _proposal_plan(
        target,
        found,
        file,
        proposal,
        title="fix: Update test summary schema for new fields",
        summary=f"Propose a schema that is {compatible}: {_said(proposal)}.{stays}",
        needs_person=None
        if proposal.doubt is None
        else f"The new schema is not shown to be backward compatible: {proposal.doubt}.",
    )


def _summary_plan(target: str, found: SchemaFindings) -> Plan | str | None:
    proposal, file = found.validation.summary_fix, found.summary_file
    if proposal is None or file is None or not proposal.changes or proposal.left:
        why = str(proposal.left[0]) if proposal and proposal.left else "it has nothing to repair."
        return f"The repository's summary cannot be repaired from itself: {why}"
    return _proposal_plan(
        target,
        found,
        file,
        proposal,
        title="fix: Make the test summary comply with its schema",
        summary=f"Propose a compliant {file.path}: {_said(proposal)}.",
        needs_person=None,
    )


def _said(proposal: Proposal) -> str:
    """Say the changes in one sentence, the first of them."""
    said = [change.sentence for change in proposal.changes[:SHOWN_CHANGES]]
    if (more := len(proposal.changes) - SHOWN_CHANGES) > 0:
        said.append(f"and {more} more")
    return "; ".join(said)


def _proposal_plan(
    target: str,
    found: SchemaFindings,
    file: RepositoryFile,
    proposal: Proposal,
    *,
    title: str,
    summary: str,
    needs_person: str | None,
) -> Plan | str | None:
    if len(proposal.changes) > MOST_CHANGES:
        return (
            f"{len(proposal.changes)} changes of {file.path} are more than people review in a pull"
            f" request ({MOST_CHANGES}): {_said(proposal)}."
        )
    patch = json.dumps([change.operation for change in proposal.changes], sort_keys=True)
    # The same change of the same content is always the same branch.
    name = hashlib.sha256(f"{file.path}\n{file.sha}\n{patch}".encode()).hexdigest()[:12]
    branch = f"cct-ops/{name}"
    change = ProposeChange(
        path=file.path, patch=patch, base_sha=file.sha, branch=branch, title=title
    )
    return Plan(
        playbook=SchemaDiagnosis.playbook,
        target=target,
        summary=summary,
        blast_radius="One branch and one pull request; nothing changes until people merge it.",
        steps=(change.step(change.undo()),),
        steady_state=ChangeHolds(
            what=f"A pull request changes {file.path}; validation passes once it is merged",
            watch_seconds=0,
        ),
        state={"file": file.sha, "problems": len(found.validation.problems)},
        needs_person=needs_person,
    )


def _bypass_plan(found: SchemaFindings, minutes: int) -> Plan | str | None:
    if found.mode == WARN:
        return f"{MODE_VARIABLE} is {WARN} already."
    bypass = SetVariable(name=MODE_VARIABLE, value=WARN)
    return Plan(
        playbook=SchemaDiagnosis.playbook,
        target=MODE_VARIABLE,  # it is the same for all workflows, so bypasses exclude each other
        summary=f"Let the validation warn instead of fail for {duration(minutes * 60)}.",
        blast_radius="Every workflow run meanwhile: wrong summaries pass with a warning.",
        steps=(bypass.step(bypass.undo(found.mode), lasts_minutes=minutes),),
        steady_state=ChangeHolds(what=f"{MODE_VARIABLE} is {WARN}", watch_seconds=0),
        state={"mode": found.mode or "not set"},
        needs_person="Bypassing the validation lets wrong summaries through.",
    )


def _evidence(target: str, found: SchemaFindings) -> tuple[Evidence, ...]:
    failed = sum(run.failed for run in found.runs)
    return (
        Evidence.of(
            f"runs of {target}",
            f"{failed} of the last {len(found.runs)} failed",
            "Deployments are blocked." if found.blocking else "The latest one passed.",
        ),
        _report_evidence(found),
        Evidence.of(
            "comments on open pull requests",
            ", ".join(f"#{each.number} {each.title}" for each in found.mentions) or "none",
            (
                f"{len(found.mentions)} of them mention schema validation."
                if found.mentions
                else "Nobody mentions schema validation."
            ),
        ),
        *_validation_evidence(found.validation),
        Evidence.of(
            MODE_VARIABLE,
            found.mode or "not set",
            "Bypassed: it warns only." if found.mode == WARN else "Not bypassed.",
        ),
    )


def _report_evidence(found: SchemaFindings) -> Evidence:
    source = f"schema-validation-report of run {found.run.id}" if found.run else "report"
    if found.report is None:
        observed = "no such artifact" if found.run else "no failed run"
        return Evidence.of(source, observed, "It shows nothing.")
    negative = [name for name, passed in found.report.items() if not passed]
    return Evidence.of(
        source,
        ", ".join(f"{name}: {passed}" for name, passed in found.report.items()),
        f"Not met: {', '.join(negative)}." if negative else "All of its checks passed.",
    )


def _validation_evidence(seen: Validation) -> tuple[Evidence, ...]:
    source = ", ".join(seen.checked) or "summaries"
    if seen.schema_problem:
        unusable = Evidence.of("schema", seen.schema_problem, "It is unusable.")
        odd = seen.unreadable[:SHOWN_PROBLEMS]
        return (unusable, *(Evidence.of("validation", each, "A problem.") for each in odd))
    if not seen.wrong:
        return (Evidence.of(source, "no problem", "They fit the schema."),)
    lines = [*seen.unreadable, *map(str, seen.problems)]
    shown = tuple(Evidence.of("validation", line, "A problem.") for line in lines[:SHOWN_PROBLEMS])
    if len(lines) <= SHOWN_PROBLEMS:
        return shown
    more = f"{len(lines) - SHOWN_PROBLEMS} more problems"
    return (*shown, Evidence.of("validation", more, "Not listed here."))
