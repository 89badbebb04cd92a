"""The severity of failing schema validation, and the plan of each of the runbook's options."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.schema_findings import Fix, SchemaFindings, Validation
from cct_ops.diagnoses.schema_validation import SchemaDiagnosis
from cct_ops.models.github import Mention, RepositoryFile
from cct_ops.models.run import Outcome, Severity
from cct_ops.models.summary import Change, Problem, Proposal
from tests.diagnoses.test_deployment import ran

FIELD = Change(op="add", pointer="/properties/n", value={}, sentence="n is allowed")
PROBLEM = Problem(summary="a", path="n", rule="enum", sentence="is wrong.")
UNKNOWN = PROBLEM.model_copy(update={"rule": "additionalProperties", "sentence": "is unknown."})
DRIFT = Proposal(changes=(FIELD,), left=())
NOTHING = Proposal(changes=(), left=(PROBLEM,))


def found(
    *conclusions: str | None,
    problems: tuple[str, ...] = ("a",),
    checked: tuple[str, ...] = ("a", "b"),
    schema_fix: Proposal = DRIFT,
    summary_fix: Proposal = DRIFT,
    mode: str | None = None,
    schema_problem: str | None = None,
) -> SchemaFindings:
    """Findings: the runs' conclusions, newest first, and which of the summaries have a problem."""
    runs = tuple(ran(9 - n, "c", each) for n, each in enumerate(conclusions or ("failure",)))
    return SchemaFindings(
        runs=runs,
        run=runs[0],
        report={"has_required_sections": False},
        mentions=(Mention(number=3, title="Add n", words="schema validation failed"),),
        validation=Validation(
            checked=checked,
            problems=tuple(PROBLEM.model_copy(update={"summary": name}) for name in problems),
            schema_problem=schema_problem,
            schema_fix=schema_fix,
            summary_fix=summary_fix,
        ),
        schema_file=RepositoryFile(path="schema.json", sha="s1", content=b"{}"),
        summary_file=RepositoryFile(path="summary.json", sha="s2", content=b"{}"),
        mode=mode,
    )


def diagnosis(findings: SchemaFindings, fix: Fix = Fix.SCHEMA) -> SchemaDiagnosis:
    return SchemaDiagnosis.of("deploy.yml", findings, fix, 60)


@pytest.mark.parametrize(
    ("findings", "severity"),
    [
        (found("failure", problems=("a", "b")), Severity.P0),
        (found("cancelled", "failure", problems=("a", "b")), Severity.P0),
        (found("failure", schema_problem="The schema is no JSON."), Severity.P0),
        (found("failure", problems=("a",)), Severity.P1),
        (found("success", problems=("a", "b"), schema_fix=NOTHING), Severity.P1),
        (found("success", problems=("a", "b")), Severity.P2),
        (found("success", problems=()), Severity.P2),
    ],
)
def test_severity_follows_the_runbook(findings: SchemaFindings, severity: Severity) -> None:
    """All fails and blocks; a part fails or warns; drift that breaks nothing."""
    assert diagnosis(findings).severity is severity


def test_where_nothing_is_wrong_there_is_nothing_to_do() -> None:
    concluded = diagnosis(found("success", problems=()))

    assert concluded.plan is None
    assert concluded.outcome is Outcome.NOTHING_TO_DO


def test_a_run_that_failed_for_another_reason_is_said_to_have() -> None:
    concluded = diagnosis(found("failure", problems=()))

    assert concluded.plan is None
    assert "failed for another reason" in concluded.headline


@pytest.mark.parametrize(
    ("fix", "why"),
    [
        (Fix.SCHEMA, "The schema knows every field"),
        (Fix.SUMMARY, "cannot be repaired from itself: a: n: is wrong."),
    ],
)
def test_an_option_that_cannot_help_says_so_and_does_not_look_done(fix: Fix, why: str) -> None:
    concluded = diagnosis(found(schema_fix=NOTHING, summary_fix=NOTHING), fix)

    assert concluded.plan is None
    assert concluded.outcome is Outcome.BLOCKED
    assert why in concluded.headline


@pytest.mark.parametrize(
    ("fix", "path"), [(Fix.SCHEMA, "schema.json"), (Fix.SUMMARY, "summary.json")]
)
def test_a_proposal_is_one_pull_request_that_can_be_withdrawn(fix: Fix, path: str) -> None:
    plan = diagnosis(found(), fix).plan

    assert plan is not None
    (step,) = plan.steps
    assert (step.call.method, step.call.arguments["path"]) == ("propose_change", path)
    assert step.undo is not None
    assert step.undo.arguments == {"branch": step.call.arguments["branch"]}
    assert plan.needs_person is None


def test_a_field_that_no_addition_allows_is_for_a_person_and_is_named() -> None:
    left = NOTHING.model_copy(update={"left": (PROBLEM, UNKNOWN)})

    concluded = diagnosis(found(schema_fix=left))

    assert concluded.plan is None
    assert concluded.headline.endswith(
        "A person must say where the schema should allow it: a: n: is unknown."
    )


def test_a_schema_that_may_refuse_more_than_before_needs_a_person_and_says_why() -> None:
    doubtful = DRIFT.model_copy(update={"doubt": "$defs.result: it is used under not"})

    plan = diagnosis(found(schema_fix=doubtful)).plan

    assert plan is not None
    assert plan.needs_person == (
        "The new schema is not shown to be backward compatible: $defs.result: it is used under not."
    )
    assert plan.summary.startswith(
        "Propose a schema that is not shown to be backward compatible, because $defs.result: it is"
        " used under not: n is allowed."
    )


@pytest.mark.parametrize("fix", [Fix.SCHEMA, Fix.SUMMARY])
def test_more_changes_than_people_review_are_no_pull_request(fix: Fix) -> None:
    many = DRIFT.model_copy(update={"changes": (FIELD,) * 201})

    concluded = diagnosis(found(schema_fix=many, summary_fix=many), fix)

    assert concluded.plan is None
    assert "201 changes of" in concluded.headline
    assert concluded.headline.endswith("n is allowed; and 196 more.")


@pytest.mark.parametrize(
    ("mode", "undo"),
    [
        (None, "delete_variable(name='SCHEMA_VALIDATION_MODE')"),
        ("strict", "set_variable(name='SCHEMA_VALIDATION_MODE', value='strict')"),
    ],
)
def test_a_bypass_ends_by_itself_and_knows_what_was_before(mode: str | None, undo: str) -> None:
    plan = diagnosis(found(mode=mode), Fix.BYPASS).plan

    assert plan is not None
    (step,) = plan.steps
    assert str(step.call) == "set_variable(name='SCHEMA_VALIDATION_MODE', value='warn')"
    assert str(step.undo) == undo
    assert step.lasts_minutes == 60
    assert plan.needs_person


def test_what_is_bypassed_already_is_not_bypassed_again() -> None:
    assert diagnosis(found(mode="warn"), Fix.BYPASS).plan is None


def test_the_same_situation_gives_the_same_digest_whatever_the_run() -> None:
    first, again = diagnosis(found("failure")).plan, diagnosis(found("failure", "success")).plan

    assert first is not None
    assert again is not None
    assert first.digest == again.digest
