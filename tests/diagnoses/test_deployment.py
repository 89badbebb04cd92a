"""Conclusions about a deployment, and the plans for a rollback."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from cct_ops.diagnoses.deployment import Deployment
from cct_ops.diagnoses.rollback_plan import Limits, Option, RollbackOptions, WatchWindow, weaken
from cct_ops.models.cct import AutoRollback, CanaryRules, RollbackThresholds
from cct_ops.models.github import Commit, Comparison, WorkflowRun
from cct_ops.models.plan import WorkflowSucceeds
from cct_ops.models.verification import Verdict, Verification

STEADY = WorkflowSucceeds(workflow="deploy.yml", after_run_id=7, watch_seconds=60)


def ran(number: int, sha: str, conclusion: str | None, event: str = "push") -> WorkflowRun:
    return WorkflowRun(
        id=number,
        head_sha=sha,
        event=event,
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        html_url="https://github.example/1",
    )


@pytest.mark.parametrize(
    ("runs", "good"),
    [
        ([ran(9, "c3", "failure"), ran(8, "c2", "success")], "c2"),
        ([ran(9, "c3", "failure"), ran(8, "c2", "cancelled"), ran(7, "c1", "success")], "c1"),
        ([ran(9, "c3", "failure"), ran(8, "c3", "success"), ran(7, "c1", "success")], "c1"),
        ([ran(9, "c3", "success")], None),
        ([], None),
    ],
)
def test_the_last_good_deployment_is_an_earlier_success_of_another_commit(
    runs: list[WorkflowRun], good: str | None
) -> None:
    found = Deployment(runs=tuple(runs)).last_good

    assert (found.head_sha if found else None) == good


def test_the_evidence_names_commits_and_files() -> None:
    seen = Deployment(
        runs=(ran(9, "c3", "failure"), ran(8, "c2", "success")),
        log=("Error: no", "exit 1"),
        between=Comparison(
            total_commits=1,
            commits=(Commit(sha="c3", subject="Cache less", author="Bo"),),
            files=tuple(f"src/{n}.ts" for n in range(25)),
        ),
    )

    observed = {fact.source: fact.observed for fact in seen.evidence}

    assert observed["deploy.yml"].startswith("c3 at 2026-01-01")
    assert observed["deployment log"] == "Error: no / exit 1"
    assert observed["commits since the last good one"] == "c3 Cache less (Bo)"
    assert observed["files changed since then"].endswith("src/19.ts and 5 more")


def test_what_could_not_be_read_is_a_fact_as_well() -> None:
    (fact,) = Deployment(problem="GH_TOKEN is not set.").evidence

    assert fact.observed == "GH_TOKEN is not set."


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ([], Verdict.TOO_FEW_SAMPLES),
        ([ran(7, "c", "failure", "workflow_dispatch")], Verdict.TOO_FEW_SAMPLES),
        ([ran(8, "c", "success")], Verdict.TOO_FEW_SAMPLES),
        ([ran(8, "c", None, "workflow_dispatch")], Verdict.TOO_FEW_SAMPLES),
        ([ran(8, "c", "success", "workflow_dispatch")], Verdict.HOLDS),
        ([ran(8, "c", "cancelled", "workflow_dispatch")], Verdict.BROKEN),
        (
            [
                ran(9, "c", "failure", "workflow_dispatch"),
                ran(8, "c", "success", "workflow_dispatch"),
            ],
            Verdict.HOLDS,
        ),
    ],
)
def test_the_run_that_was_started_is_the_one_that_counts(
    runs: list[WorkflowRun], verdict: Verdict
) -> None:
    """Neither an older one nor one that a push made nor one that somebody starts later."""
    found = Verification.of_workflow(STEADY, runs)

    assert found.verdict is verdict
    assert found.final is (verdict is not Verdict.TOO_FEW_SAMPLES)


WATCH = WatchWindow(seconds=60, min_samples=5)
NOW = RollbackThresholds(p95_latency_ms=5000, error_rate_percent=5, availability_percent=95)


def rules(*, enabled: bool = True) -> CanaryRules:
    """The rules as they are."""
    return CanaryRules(slo_thresholds=NOW, auto_rollback=AutoRollback(enabled=enabled))


def test_thresholds_are_raised_for_a_while_and_carry_the_prior_values() -> None:
    options = RollbackOptions(
        option=Option.RAISE_THRESHOLDS, minutes=30, limits=Limits(p95_latency_ms=8000)
    )

    plan = weaken(options, rules(), WATCH)

    assert plan is not None
    (step,) = plan.steps
    assert step.call.arguments == NOW.model_dump() | {"p95_latency_ms": 8000}
    assert step.undo is not None
    assert step.undo.arguments == NOW.model_dump()
    assert step.lasts_minutes == 30
    assert plan.person is not None


@pytest.mark.parametrize(
    "limits",
    [Limits(), Limits(p95_latency_ms=4000), Limits(error_rate_percent=1, availability_percent=99)],
)
def test_nothing_gets_stricter(limits: Limits) -> None:
    options = RollbackOptions(option=Option.RAISE_THRESHOLDS, limits=limits)

    assert weaken(options, rules(), WATCH) is None


def test_auto_rollback_is_switched_off_for_a_while() -> None:
    plan = weaken(RollbackOptions(option=Option.DISABLE_AUTO_ROLLBACK), rules(), WATCH)

    assert plan is not None
    (step,) = plan.steps
    assert (str(step.call), str(step.undo)) == ("disable_auto_rollback()", "enable_auto_rollback()")
    assert step.lasts_minutes == 60
    assert plan.person is not None


def test_what_is_off_already_is_not_switched_off() -> None:
    """Else its end would switch on what somebody else had switched off."""
    assert (
        weaken(RollbackOptions(option=Option.DISABLE_AUTO_ROLLBACK), rules(enabled=False), WATCH)
        is None
    )


@pytest.mark.parametrize(
    "wrong", [{"p95_latency_ms": 0}, {"error_rate_percent": 51}, {"availability_percent": 49}]
)
def test_limits_have_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(wrong)


@pytest.mark.parametrize(
    ("options", "names_none", "why"),
    [
        (RollbackOptions(option=Option.RAISE_THRESHOLDS), True, "name a limit, p95_latency_ms"),
        (
            RollbackOptions(option=Option.RAISE_THRESHOLDS, limits=Limits(p95_latency_ms=1)),
            False,
            "at least as loose as that already",
        ),
        (RollbackOptions(option=Option.DISABLE_AUTO_ROLLBACK), False, "off already"),
    ],
)
def test_why_nothing_is_weakened_is_what_is_so(
    options: RollbackOptions, *, names_none: bool, why: str
) -> None:
    assert options.names_no_limit is names_none
    assert why in options.why_idle
