"""The weekly report of exemptions, and its evidence."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.evidence import Counts
from cct_ops.diagnoses.exemption_cleanup import CleanupDiagnosis
from cct_ops.diagnoses.exemption_failure import ExemptionDiagnosis, Fix
from cct_ops.diagnoses.exemption_weekly import AlertLevel, WeeklyDiagnosis
from cct_ops.diagnoses.exemptions import ExemptionConclusion, ExemptionFindings
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.github import Issue
from cct_ops.models.run import Outcome, Severity
from cct_ops.models.topic import is_urgent
from tests.diagnoses.exemption_parts import exemption, findings
from tests.diagnoses.test_evidence import fact


def spread(many: int, days_left: float = 60, pattern: str | None = None) -> list[Exemption]:
    """Exemptions of as many owners, each with a pattern of its own unless one is given."""
    return [
        exemption(f"OPS-{n}", days_left, owner=f"owner-{n}").model_copy(
            update={"pattern": pattern or f"pattern-{n}"}
        )
        for n in range(many)
    ]


def diagnose(records: list[Exemption]) -> WeeklyDiagnosis:
    """Conclude from the week of these records."""
    return WeeklyDiagnosis.of(findings(*records))


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (spread(11), "11 are active, more than 10"),
        (spread(6, days_left=20), "6 end within 30 days, more than 5"),
        (spread(6, pattern="no-any"), "no-any is exempted 6 times, more than 5"),
        ([e.model_copy(update={"owner": "alice"}) for e in spread(4)], "alice has 4, more than 3"),
    ],
)
def test_one_number_above_its_threshold_is_a_warning(records: list[Exemption], reason: str) -> None:
    diagnosis = diagnose(records)

    assert diagnosis.reasons == (reason,)
    assert (diagnosis.level, diagnosis.outcome) == (AlertLevel.WARNING, Outcome.RECOMMENDED)
    assert reason in diagnosis.headline


@pytest.mark.parametrize(
    "records", [[], spread(10), spread(5, days_left=20), spread(5, pattern="no-any")]
)
def test_at_the_threshold_is_not_above_it(records: list[Exemption]) -> None:
    diagnosis = diagnose(records)

    assert (diagnosis.level, diagnosis.reasons) == (AlertLevel.OK, ())
    assert diagnosis.outcome is Outcome.NOTHING_TO_DO


def issue(title: str, state: str = "open") -> Issue:
    """An issue as GitHub lists it."""
    url = "https://github.example/example/cct/issues/7"
    return Issue(number=7, title=title, state=state, html_url=url)


def test_a_warning_plans_one_issue_and_how_to_take_it_back() -> None:
    plan = diagnose(spread(20)).with_issue(None, "body").plan

    assert plan is not None
    (step,) = plan.steps
    assert step.undo is not None
    assert (step.call.method, step.undo.method) == ("open_issue", "close_issue")
    assert step.call.arguments["title"] == "Exemptions need attention: weekly report of 2025-W48"


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_week_has_one_issue(state: str) -> None:
    warning = diagnose(spread(20))
    again = warning.with_issue(issue(warning.title, state), "body")

    assert (again.plan, again.outcome, again.reported) == (None, Outcome.NOTHING_TO_DO, True)
    assert "#7" in again.headline


def test_without_github_a_person_opens_it() -> None:
    left = diagnose(spread(20)).without_issue("GH_TOKEN is not set.")

    assert (left.plan, left.outcome, left.reported) == (None, Outcome.RECOMMENDED, False)
    assert left.evidence[-1].observed == "GH_TOKEN is not set."


GOOD, LATE = exemption("OPS-1"), exemption("OPS-2", days_left=-2)


def conclusions(found: ExemptionFindings) -> list[ExemptionConclusion]:
    """What the three exemption playbooks make of the same evidence."""
    return [
        WeeklyDiagnosis.of(found),
        CleanupDiagnosis.of(found, 0),
        ExemptionDiagnosis.of(found, (), Fix.RECOMMENDED, 0),
    ]


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (findings(GOOD), Counts.RELIABLE),
        (findings(), Counts.RELIABLE),
        (findings(GOOD, list_lost=True), Counts.LOST),
        (findings(GOOD, LATE, list_lost=True), Counts.LOST),
        (findings(GOOD, drift=2), Counts.DISAGREE),
        (findings(GOOD, handlers_only=True), Counts.RELIABLE),
        (findings(handlers_only=True), Counts.PERHAPS_LOST),
        (findings(GOOD, list_lost=True, handlers_only=True), Counts.PERHAPS_LOST),
    ],
)
def test_counts_are_believed_as_far_as_something_stands_beside_them(
    found: ExemptionFindings, judged: Counts
) -> None:
    assert found.counts is judged


@pytest.mark.parametrize(
    "found", [findings(handlers_only=True), findings(GOOD, list_lost=True, handlers_only=True)]
)
def test_zeros_that_may_be_a_lost_list_are_the_same_doubt_to_all_three(
    found: ExemptionFindings,
) -> None:
    for each in conclusions(found):
        assert each.outcome is Outcome.UNVERIFIED
        assert "Either there are none or CCT lost its list" in each.headline
        assert (each.plan, each.severity) == (None, Severity.P2)
    assert not is_urgent(Outcome.UNVERIFIED, Severity.P2, changed=False)
    assert is_urgent(Outcome.UNVERIFIED, Severity.P2)


@pytest.mark.parametrize("found", [findings(GOOD, list_lost=True), findings(GOOD, drift=1)])
def test_counts_that_are_wrong_look_well_to_none_of_the_three(found: ExemptionFindings) -> None:
    weekly, cleanup, failure = conclusions(found)

    assert (weekly.outcome, cleanup.outcome) == (Outcome.BLOCKED, Outcome.BLOCKED)
    assert failure.plan is not None
    assert {each.severity for each in (weekly, cleanup, failure)} == {Severity.P1}


def test_an_answer_that_is_always_the_same_proves_no_record_valid() -> None:
    """And one that lists records does."""
    stub = fact(findings(GOOD, handlers_only=True).evidence, "exemptions/validate")
    real = fact(findings(GOOD).evidence, "exemptions/validate")

    assert "says nothing" in stub.meaning
    assert real.meaning == "No record breaks CCT's rules."


def test_what_only_the_report_shows_is_not_called_seen_elsewhere() -> None:
    for source in ("exemptions/health", "exemptions/expired"):
        assert fact(findings(LATE, handlers_only=True).evidence, source).observed == "not offered"
    report = fact(findings(GOOD, handlers_only=True).evidence, "exemptions/report")
    assert report.meaning == "Report and weekly report agree."
