"""What is concluded about a failing exemption system, and which fix helps."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.exemption_failure import BrokenRule, Cause, ExemptionDiagnosis, Fix
from cct_ops.diagnoses.exemptions import ExemptionFindings
from cct_ops.models.plan import ExemptionsConsistent
from cct_ops.models.run import Outcome, Severity
from tests.diagnoses.exemption_parts import exemption, findings

GOOD, OVERDUE = exemption("OPS-2"), exemption("OPS-1", days_left=-1)
INVALID = exemption("bad")
RECORDS = BrokenRule(about="records", rule="r", times=2, examples=("bad (alice, src/app.ts:3)",))
COUNTS = BrokenRule(about="counts", rule="c", times=1, examples=("owner alice: reported 2, are 1",))


def diagnose(
    found: ExemptionFindings, *broken: BrokenRule, fix: Fix = Fix.RECOMMENDED
) -> ExemptionDiagnosis:
    """Conclude, with a short watch."""
    return ExemptionDiagnosis.of(found, broken, fix, 5)


def step(diagnosis: ExemptionDiagnosis) -> str | None:
    """The one step of the plan, if there is a plan."""
    if diagnosis.plan is None:
        return None
    (only,) = diagnosis.plan.calls
    return only.method


@pytest.mark.parametrize(
    ("found", "broken", "causes", "does", "severity"),
    [
        (findings(GOOD), (), [], None, Severity.P2),
        (findings(GOOD, OVERDUE), (), [Cause.OVERDUE], "expire_exemptions", Severity.P2),
        (
            findings(GOOD, OVERDUE, list_lost=True),
            (COUNTS,),
            [Cause.LIST_LOST, Cause.OVERDUE],
            "revalidate_exemptions",
            Severity.P1,
        ),
        (findings(GOOD), (COUNTS,), [Cause.COUNTS_WRONG], "revalidate_exemptions", Severity.P1),
        (findings(GOOD, drift=1), (), [Cause.COUNTS_WRONG], "revalidate_exemptions", Severity.P1),
        (findings(GOOD), (RECORDS,), [Cause.INVALID_RECORDS], None, Severity.P2),
        (findings(GOOD, jira_down=True), (), [Cause.JIRA_UNREACHABLE], None, Severity.P1),
        # Mounted handlers have nothing that counts anew, and no health of their own.
        (findings(GOOD, drift=1, handlers_only=True), (), [Cause.COUNTS_WRONG], None, Severity.P1),
        (
            findings(OVERDUE, handlers_only=True),
            (),
            [Cause.OVERDUE],
            "expire_exemptions",
            Severity.P2,
        ),
    ],
)
def test_causes_and_the_least_fix_that_helps(
    found: ExemptionFindings,
    broken: tuple[BrokenRule, ...],
    causes: list[Cause],
    does: str | None,
    severity: Severity,
) -> None:
    diagnosis = diagnose(found, *broken)

    assert (list(diagnosis.causes), step(diagnosis), diagnosis.severity) == (causes, does, severity)
    assert diagnosis.outcome is (Outcome.RECOMMENDED if causes else Outcome.NOTHING_TO_DO)


@pytest.mark.parametrize("fix", list(Fix))
def test_a_healthy_system_is_never_fixed(fix: Fix) -> None:
    """Not even when somebody asks for it by name."""
    assert diagnose(findings(GOOD), fix=fix).plan is None


@pytest.mark.parametrize(
    ("fix", "does"),
    [
        (Fix.CLEANUP, "expire_exemptions"),
        (Fix.REVALIDATE, "revalidate_exemptions"),
        (Fix.RESET, "reset_exemptions"),
    ],
)
def test_the_fix_that_is_asked_for_is_planned(fix: Fix, does: str) -> None:
    assert step(diagnose(findings(GOOD, INVALID), RECORDS, fix=fix)) == does


@pytest.mark.parametrize("fix", [Fix.REVALIDATE, Fix.RESET])
def test_what_cannot_be_taken_back_needs_a_person(fix: Fix) -> None:
    plan = diagnose(findings(GOOD, OVERDUE), fix=fix).plan

    assert plan is not None
    assert plan.irreversible
    assert plan.needs_person


@pytest.mark.parametrize(
    ("fix", "at_least"), [(Fix.CLEANUP, 2), (Fix.REVALIDATE, 2), (Fix.RESET, 1)]
)
def test_what_must_stay_active_depends_on_the_fix(fix: Fix, at_least: int) -> None:
    """A reset also drops what is invalid."""
    plan = diagnose(findings(GOOD, OVERDUE, INVALID), RECORDS, fix=fix).plan

    assert plan is not None
    assert plan.steady_state == ExemptionsConsistent(active_at_least=at_least, watch_seconds=5)


def test_another_fix_is_another_plan() -> None:
    found = findings(GOOD, OVERDUE)
    plans = [diagnose(found, fix=fix).plan for fix in (Fix.CLEANUP, Fix.REVALIDATE, Fix.RESET)]

    assert len({plan.digest for plan in plans if plan}) == 3


def test_records_are_named_for_people() -> None:
    diagnosis = diagnose(findings(GOOD, INVALID), RECORDS)

    assert "bad (alice, src/app.ts:3)" in diagnosis.headline
    assert "None of the fixes helps" in diagnosis.headline
