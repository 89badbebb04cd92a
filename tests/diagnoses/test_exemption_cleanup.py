"""What a cleanup of exemptions concludes, and what must hold after it."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.exemption_cleanup import CleanupDiagnosis
from cct_ops.diagnoses.exemptions import ExemptionFindings, disagreements, judge
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.plan import ExemptionsConsistent
from cct_ops.models.run import Outcome, Severity
from cct_ops.models.verification import Verdict
from tests.diagnoses.exemption_parts import NOW, exemption, findings, report_on, weekly_on

OVERDUE = exemption("OPS-1", days_left=-2)
GOOD = exemption("OPS-2")


def diagnose(found: ExemptionFindings) -> CleanupDiagnosis:
    """Conclude, with a short watch."""
    return CleanupDiagnosis.of(found, 5)


def test_what_is_overdue_is_planned_to_expire() -> None:
    diagnosis = diagnose(findings(OVERDUE, GOOD))

    assert diagnosis.plan is not None
    (step,) = diagnosis.plan.steps
    assert (step.call.method, step.undo and step.undo.method) == (
        "expire_exemptions",
        "revalidate_exemptions",
    )
    assert diagnosis.plan.needs_person is None
    assert diagnosis.plan.steady_state == ExemptionsConsistent(active_at_least=1, watch_seconds=5)
    assert diagnosis.headline.startswith("1 exemption is active past its date, of alice")


def test_the_same_findings_give_the_same_digest_and_others_do_not() -> None:
    """An approval is void when other exemptions became due in the meantime."""
    plans = [
        diagnose(found).plan
        for found in (
            findings(OVERDUE, GOOD),
            findings(OVERDUE, GOOD),
            findings(exemption("OPS-3", days_left=-1), GOOD),
        )
    ]
    first, again, other = [plan.digest for plan in plans if plan]

    assert first == again != other


@pytest.mark.parametrize("records", [[], [GOOD], [exemption(days_left=-9, status="expired")]])
def test_without_overdue_ones_there_is_no_plan(records: list[Exemption]) -> None:
    diagnosis = diagnose(findings(*records))

    assert (diagnosis.plan, diagnosis.outcome) == (None, Outcome.NOTHING_TO_DO)


@pytest.mark.parametrize(
    "found", [findings(OVERDUE, GOOD, list_lost=True), findings(OVERDUE, GOOD, drift=1)]
)
def test_counts_that_cannot_be_relied_on_block_it(found: ExemptionFindings) -> None:
    diagnosis = diagnose(found)

    assert (diagnosis.plan, diagnosis.outcome) == (None, Outcome.BLOCKED)
    assert diagnosis.severity is Severity.P1


def test_a_mass_expiry_needs_a_person() -> None:
    """A wrong clock in CCT makes everything overdue at once."""
    many = [exemption(f"OPS-{n}", days_left=-1) for n in range(6)]

    plan = diagnose(findings(*many)).plan
    spread = diagnose(findings(*many, *[exemption(f"OK-{n}") for n in range(7)])).plan

    assert plan
    assert spread
    assert "check CCT's clock" in (plan.needs_person or "")
    assert spread.needs_person is None


def test_where_nothing_takes_it_back_a_person_decides() -> None:
    plan = diagnose(findings(OVERDUE, GOOD, handlers_only=True)).plan

    assert plan
    assert plan.irreversible
    assert "cannot make an exemption active again" in (plan.needs_person or "")


def test_a_date_that_is_none_never_expires() -> None:
    timeless = GOOD.model_copy(update={"expiration_date": "when it is done"})

    assert not timeless.overdue(NOW)
    assert exemption(days_left=0).overdue(NOW)


@pytest.mark.parametrize(
    ("active", "expired", "upcoming", "words"),
    [
        (3, 0, 0, "the weekly report's active ones are 3, not 2"),
        (2, 1, 0, "the weekly report's expired ones are 1, not 0"),
        (2, 0, 4, "the weekly report's upcoming ones are 4, not 0"),
    ],
)
def test_the_weekly_report_must_agree(active: int, expired: int, upcoming: int, words: str) -> None:
    found = findings(GOOD, exemption("OPS-5"))
    changed = {"total_active": active, "total_expired": expired, "upcoming_expirations": upcoming}
    head = found.weekly.summary.model_copy(update=changed)
    weekly = found.weekly.model_copy(update={"summary": head})

    assert disagreements(found.report, weekly, found.validation) == (words,)


def test_owners_patterns_and_records_must_add_up() -> None:
    wrong = findings(GOOD, drift=2).disagreements

    assert [clause.partition(" are ")[0] for clause in wrong] == [
        "the sum over owners",
        "the sum over patterns",
        "the active records",
    ]


@pytest.mark.parametrize(
    ("records", "at_least", "verdict"),
    [
        ([GOOD], 1, Verdict.HOLDS),
        ([GOOD], 2, Verdict.BROKEN),
        ([GOOD, OVERDUE], 1, Verdict.BROKEN),
        ([], 0, Verdict.HOLDS),
    ],
)
def test_the_self_test_of_the_report(
    records: list[Exemption], at_least: int, verdict: Verdict
) -> None:
    """What must have stayed active did, and nothing is active past its date."""
    found = findings(*records)
    steady = ExemptionsConsistent(active_at_least=at_least, watch_seconds=0)

    assert judge(steady, found.report, found.weekly, found.validation).verdict is verdict


def test_zeros_while_there_are_records_are_found_out() -> None:
    """CCT answers zeros for a failure of its own."""
    found, zeros = findings(GOOD), report_on([])
    steady = ExemptionsConsistent(active_at_least=0, watch_seconds=0)

    seen = judge(steady, zeros, weekly_on(zeros), found.validation)

    assert (seen.verdict, "the active records are 1, not 0" in seen.reason) == (
        Verdict.BROKEN,
        True,
    )
