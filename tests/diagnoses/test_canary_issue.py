"""What is wrong with a canary, told apart by what the probes saw."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.diagnoses.canary_issue import CanaryDiagnosis, CanaryFindings, DirectCall, Issue
from cct_ops.diagnoses.rollback_plan import WatchWindow
from cct_ops.models.cct import CanaryConfig, CanaryTraffic, Metrics, Route
from cct_ops.models.plan import Call
from cct_ops.models.run import Outcome, Severity
from tests.diagnoses.test_evidence import THRESHOLDS

ROUTE = Route.DAILY_SUMMARY
HERE = {"route": ROUTE.value}
WATCH = WatchWindow(seconds=60, min_samples=50)
WELL = DirectCall(well=True, seen="10 symbols")


def side(samples: int, p95_latency_ms: float = 900, error_rate_percent: float = 0.1) -> Metrics:
    """One side's traffic; healthy unless told otherwise."""
    return Metrics(
        sample_size=samples,
        availability_percent=99.9,
        error_rate_percent=error_rate_percent,
        p95_latency_ms=p95_latency_ms,
    )


def traffic(canary: Metrics | None = None, stable: Metrics | None = None) -> CanaryTraffic:
    """Both sides at 20 %, as configured."""
    return CanaryTraffic(
        since=datetime(2026, 1, 5, 9, tzinfo=UTC),
        percentage=20,
        canary=canary or side(1000),
        stable=stable or side(4000),
    )


def diagnosis(fix: CanaryFix = CanaryFix.RECOMMENDED, **seen: Any) -> CanaryDiagnosis:
    """Conclude from a healthy canary at 20 %, with what is given instead."""
    usual: dict[str, Any] = {
        "config": CanaryConfig(enabled=True, percentage=20),
        "configured_percent": 20,
        "traffic": traffic(),
        "thresholds": THRESHOLDS,
        "plain": WELL,
        "as_canary": WELL,
    }
    return CanaryDiagnosis.of(ROUTE, CanaryFindings.model_validate(usual | seen), WATCH, fix)


def test_a_canary_that_serves_as_well_as_stable_needs_nothing() -> None:
    found = diagnosis()

    assert (found.issue, found.plan, found.severity) == (Issue.NONE, None, Severity.P2)


def test_a_canary_that_is_off_is_another_playbooks_business() -> None:
    found = diagnosis(config=CanaryConfig(enabled=False, percentage=0))

    assert (found.issue, found.plan) == (Issue.OFF, None)
    assert "auto-rollback" in found.headline


@pytest.mark.parametrize(
    ("config", "configured", "words"),
    [
        (CanaryConfig(enabled=True, percentage=None), 20, "not a number"),
        (CanaryConfig(enabled=True, percentage=0), 20, "0 %"),
        (CanaryConfig(enabled=True, percentage=35), 20, "configured for 20 %"),
        (
            CanaryConfig(enabled=True, percentage=20, whitelist=("a", "b"), blacklist=("b",)),
            20,
            "1 entries",
        ),
    ],
)
def test_a_wrong_configuration_is_reset(
    config: CanaryConfig, configured: float, words: str
) -> None:
    found = diagnosis(config=config, configured_percent=configured)

    assert (found.issue, found.severity) == (Issue.CONFIGURATION, Severity.P2)
    assert words in found.headline
    assert found.plan is not None
    assert found.plan.calls == (Call(method="reset_canary", arguments={**HERE}),)
    assert found.plan.needs_person is None


@pytest.mark.parametrize(("on_canary", "on_stable"), [(0, 5000), (500, 4500), (4000, 1000)])
def test_a_share_that_no_chance_explains_is_a_splitting_problem(
    on_canary: int, on_stable: int
) -> None:
    found = diagnosis(traffic=traffic(side(on_canary), side(on_stable)))

    assert found.issue is Issue.TRAFFIC_SPLIT


@pytest.mark.parametrize(("on_canary", "on_stable"), [(12, 88), (21, 79), (1090, 3910)])
def test_a_share_that_chance_explains_is_none(on_canary: int, on_stable: int) -> None:
    """Few requests scatter widely, and three points hurt nobody."""
    found = diagnosis(traffic=traffic(side(on_canary), side(on_stable)))

    assert found.issue in {Issue.NONE, Issue.UNKNOWN}


@pytest.mark.parametrize(
    "canary", [side(1000, p95_latency_ms=2701), side(1000, error_rate_percent=1.1)]
)
def test_a_canary_worse_than_it_is_forgiven_is_taken_out(canary: Metrics) -> None:
    found = diagnosis(traffic=traffic(canary))

    assert (found.issue, found.severity) == (Issue.PERFORMANCE, Severity.P1)
    assert found.plan is not None
    (step,) = found.plan.steps
    assert step.call == Call(method="disable_canary", arguments={**HERE})
    assert step.undo == Call(
        method="set_canary", arguments=HERE | {"percentage": 20.0, "whitelist": "", "blacklist": ""}
    )


def test_a_canary_no_slower_than_a_slow_stable_is_not_blamed() -> None:
    slow = side(4000, p95_latency_ms=2500)

    assert diagnosis(traffic=traffic(side(1000, p95_latency_ms=3000), slow)).issue is not (
        Issue.PERFORMANCE
    )


def test_a_stable_side_that_suffers_since_the_canary_is_on_is_the_worst_case() -> None:
    found = diagnosis(traffic=traffic(stable=side(4000, error_rate_percent=3)))

    assert (found.issue, found.severity) == (Issue.FLAG_CONFLICT, Severity.P0)
    assert found.plan is not None
    assert found.plan.calls[0].method == "disable_canary"


def test_a_marked_call_that_fails_alone_is_a_conflict() -> None:
    found = diagnosis(as_canary=DirectCall(well=False, seen="answered 500"))

    assert (found.issue, found.severity) == (Issue.FLAG_CONFLICT, Severity.P1)


def test_without_measured_traffic_nothing_is_concluded_from_it() -> None:
    found = diagnosis(traffic=None, configured_percent=None, thresholds=None)

    assert (found.issue, found.plan) == (Issue.UNKNOWN, None)
    assert found.outcome is Outcome.UNVERIFIED


def test_what_this_cct_cannot_do_or_show_is_refused_before_anybody_is_asked() -> None:
    handlers_only = {"traffic": None, "configured_percent": None, "thresholds": None}

    for fix in (CanaryFix.RESET, CanaryFix.PROMOTE):
        found = diagnosis(fix, **handlers_only)
        assert (found.outcome, found.plan) == (Outcome.BLOCKED, None)
    assert diagnosis(CanaryFix.DISABLE, **handlers_only).plan is not None


@pytest.mark.parametrize("fix", [CanaryFix.DISABLE, CanaryFix.RESET, CanaryFix.PROMOTE])
def test_what_the_diagnosis_does_not_call_for_needs_a_person(fix: CanaryFix) -> None:
    """Marked calls fail at another share than the configured one, or it is well."""
    failing = DirectCall(well=False, seen="500")
    share = CanaryConfig(enabled=True, percentage=35)
    seen = {"as_canary": failing, "config": share} if fix is CanaryFix.RESET else {}
    plan = diagnosis(fix, **seen).plan

    assert plan is not None
    assert plan.needs_person


def test_a_promotion_needs_a_person_and_goes_back_to_the_share_and_lists_before() -> None:
    config = CanaryConfig(enabled=True, percentage=20, whitelist=("ip:10.0.0.1", "team-*"))

    plan = diagnosis(CanaryFix.PROMOTE, config=config).plan

    assert plan is not None
    assert plan.blast_radius == f"The whole traffic of {ROUTE}."
    undo = plan.steps[0].undo
    assert undo is not None
    assert undo.arguments["whitelist"] == "ip:10.0.0.1,team-*"


def test_a_configuration_that_was_no_number_is_not_put_back() -> None:
    plan = diagnosis(config=CanaryConfig(enabled=True, percentage=None)).plan

    assert plan is not None
    assert plan.steps[0].undo == Call(method="disable_canary", arguments={**HERE})


@pytest.mark.parametrize(
    ("fix", "config"),
    [
        (CanaryFix.DISABLE, CanaryConfig(enabled=False, percentage=0)),
        (CanaryFix.RESET, CanaryConfig(enabled=True, percentage=20)),
        (CanaryFix.PROMOTE, CanaryConfig(enabled=True, percentage=100)),
    ],
)
def test_a_canary_that_is_already_as_the_fix_would_make_it_needs_no_fix(
    fix: CanaryFix, config: CanaryConfig
) -> None:
    found = diagnosis(fix, config=config)

    assert (found.plan, found.outcome) == (None, Outcome.NOTHING_TO_DO)
    assert f"It is so already: canary {config.shown}." in found.headline


def test_a_broken_split_is_reset_at_its_share_and_judged_by_new_traffic() -> None:
    found = diagnosis(traffic=traffic(side(5000), side(5000)))

    assert found.plan is not None
    assert found.plan.steady_state.model_dump()["counted_since"] == traffic().since
