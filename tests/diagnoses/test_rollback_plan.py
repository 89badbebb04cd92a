"""The runbook's options as plans: what weakens is temporary, undoable and a person's decision."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cct_ops.diagnoses.rollback_plan import Limits, Option, RollbackOptions, WatchWindow, weaken
from cct_ops.models.cct import AutoRollback, CanaryRules, RollbackThresholds

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
    [
        Limits(),
        Limits(p95_latency_ms=4000),
        Limits(error_rate_percent=1, availability_percent=99),
    ],
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
    "wrong",
    [{"p95_latency_ms": 0}, {"error_rate_percent": 51}, {"availability_percent": 49}],
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
