"""What CCT's answers about exemptions can show, and that three playbooks agree on it."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.evidence import Counts
from cct_ops.diagnoses.exemption_cleanup import CleanupDiagnosis
from cct_ops.diagnoses.exemption_failure import ExemptionDiagnosis, Fix
from cct_ops.diagnoses.exemption_weekly import WeeklyDiagnosis
from cct_ops.diagnoses.exemptions import ExemptionConclusion, ExemptionFindings
from cct_ops.models.run import Evidence, Outcome, Severity
from cct_ops.models.topic import is_urgent
from tests.diagnoses.exemption_parts import exemption, findings

GOOD, LATE = exemption("OPS-1"), exemption("OPS-2", days_left=-2)


def conclusions(found: ExemptionFindings) -> list[ExemptionConclusion]:
    """What the three exemption playbooks make of the same evidence."""
    return [
        WeeklyDiagnosis.of(found),
        CleanupDiagnosis.of(found, 0),
        ExemptionDiagnosis.of(found, (), Fix.RECOMMENDED, 0),
    ]


def fact(evidence: tuple[Evidence, ...], source: str) -> Evidence:
    """The one fact from there."""
    (found,) = [each for each in evidence if each.source == source]
    return found


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (findings(GOOD), Counts.RELIABLE),
        (findings(), Counts.RELIABLE),
        (findings(GOOD, list_lost=True), Counts.LOST),
        (findings(GOOD, LATE, list_lost=True), Counts.LOST),
        (findings(GOOD, drift=2), Counts.DISAGREE),
        (findings(GOOD, mounted=True), Counts.RELIABLE),
        (findings(mounted=True), Counts.PERHAPS_LOST),
        (findings(GOOD, list_lost=True, mounted=True), Counts.PERHAPS_LOST),
    ],
)
def test_counts_are_believed_as_far_as_something_stands_beside_them(
    found: ExemptionFindings, judged: Counts
) -> None:
    assert found.counts is judged


@pytest.mark.parametrize(
    "found", [findings(mounted=True), findings(GOOD, list_lost=True, mounted=True)]
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
    stub = fact(findings(GOOD, mounted=True).evidence, "exemptions/validate")
    real = fact(findings(GOOD).evidence, "exemptions/validate")

    assert "says nothing" in stub.meaning
    assert real.meaning == "No record breaks CCT's rules."


def test_what_only_the_report_shows_is_not_called_seen_elsewhere() -> None:
    for source in ("exemptions/health", "exemptions/expired"):
        assert fact(findings(LATE, mounted=True).evidence, source).observed == "not offered"
    report = fact(findings(GOOD, mounted=True).evidence, "exemptions/report")
    assert report.meaning == "Report and weekly report agree."
