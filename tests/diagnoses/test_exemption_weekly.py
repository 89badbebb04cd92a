"""When the week's numbers of exemptions are too high."""

from __future__ import annotations

import pytest

from cct_ops.diagnoses.exemption_weekly import AlertLevel, WeeklyDiagnosis
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.github import Issue
from cct_ops.models.run import Outcome
from tests.diagnoses.exemption_parts import exemption, findings


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
        (
            [e.model_copy(update={"owner": "alice"}) for e in spread(4)],
            "alice has 4, more than 3",
        ),
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
    told = warning.with_issue(issue(warning.title, state), "body")

    assert (told.plan, told.outcome, told.told) == (None, Outcome.NOTHING_TO_DO, True)
    assert "#7" in told.headline


def test_without_github_a_person_opens_it() -> None:
    left = diagnose(spread(20)).without_issue("GH_TOKEN is not set.")

    assert (left.plan, left.outcome, left.told) == (None, Outcome.RECOMMENDED, False)
    assert left.evidence[-1].observed == "GH_TOKEN is not set."
