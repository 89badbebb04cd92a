"""What each answer of CCT can show, dialect by dialect, and that no two playbooks differ in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.diagnoses.canary_issue import CanaryDiagnosis, CanaryFindings, DirectCall
from cct_ops.diagnoses.evidence import Cause, Service, no_signal, service, why_off
from cct_ops.diagnoses.rollback import RollbackDiagnosis, RollbackFindings
from cct_ops.diagnoses.rollback_plan import Option, WatchWindow
from cct_ops.diagnoses.rollback_unseen import by_status_alone
from cct_ops.models.cct import (
    CanaryConfig,
    CanaryTraffic,
    Compliance,
    ComplianceStatus,
    Health,
    Metrics,
    RollbackAction,
    RollbackEvent,
    Route,
    SloMetrics,
    SloStatus,
    SloThresholds,
)
from cct_ops.models.run import Evidence, Outcome, Severity

ROUTE = Route.DAILY_SUMMARY
NOW = datetime(2025, 11, 27, 9, 0, tzinfo=UTC)
WATCH = WatchWindow(seconds=300, min_samples=50)
WELL = Health(answered=True, status="healthy")
ON = CanaryConfig(enabled=True, percentage=20)
BY_DEFAULT = CanaryConfig(enabled=False, percentage=0, metadata={"description": "Daily summary"})
SWITCHED_OFF = CanaryConfig(
    enabled=False, percentage=0, metadata={"disabled_at": NOW.isoformat(), "disabled_by": "x"}
)
PULLED = RollbackEvent(
    id="1",
    timestamp=NOW + timedelta(seconds=2),
    endpoint=ROUTE,
    reason="p95",
    rollback_action=RollbackAction(executed=True, canary_disabled=True),
)
OLDER = PULLED.model_copy(update={"timestamp": NOW - timedelta(hours=2)})
THRESHOLDS = SloThresholds(
    p95_latency_ms=1800,
    availability_percent=99,
    error_rate_percent=0.5,
    canary_error_rate_percent=1,
    canary_latency_factor=1.5,
)
MISSING = dict.fromkeys(
    ("canary/history", "canary/rollbacks", "slo/breaches", "slo/status"), "It answered 404."
)


def slo(samples: int, verdict: Compliance = Compliance.PASS) -> SloStatus:
    """A route's objectives, as CCT calls them."""
    return SloStatus(
        endpoint=ROUTE,
        current_metrics=SloMetrics(
            availability_percent=0, error_rate_percent=100, p95_latency_ms=0
        ),
        thresholds=THRESHOLDS,
        compliance_status=ComplianceStatus(
            availability=verdict, error_rate=Compliance.PASS, response_time=Compliance.WARN
        ),
        overall="CRITICAL",
        last_updated=NOW,
        sample_size=samples,
    )


def rollback(config: CanaryConfig, status: SloStatus) -> RollbackDiagnosis:
    """What auto-rollback concludes where CCT speaks the runbook's dialect."""
    found = RollbackFindings(
        canary=config, history=(), rollbacks=(), slo=status, breaches=(), health=WELL
    )
    return RollbackDiagnosis.of(ROUTE, found, WATCH)


def unseen(config: CanaryConfig, option: Option = Option.RESTORE) -> RollbackDiagnosis:
    """What it concludes where CCT has only its own handlers."""
    return by_status_alone(ROUTE, config, WELL, MISSING, option)


def issue(config: CanaryConfig, **seen: object) -> CanaryDiagnosis:
    """What canary-issue concludes where CCT measures no traffic, unless some is given."""
    call = DirectCall(well=True, seen="10 symbols")
    unseen = dict.fromkeys(("configured_percent", "traffic", "thresholds"))
    calls = {"plain": call, "as_canary": call}
    found = CanaryFindings.model_validate({"config": config, **unseen, **calls, **seen})
    return CanaryDiagnosis.of(ROUTE, found, WATCH, CanaryFix.RECOMMENDED)


def fact(evidence: tuple[Evidence, ...], source: str) -> Evidence:
    """The one fact from there."""
    (found,) = [each for each in evidence if each.source == source]
    return found


@pytest.mark.parametrize(
    ("status", "judged"),
    [
        (None, Service.UNKNOWN),
        (slo(0, Compliance.FAIL), Service.UNKNOWN),
        (slo(0), Service.UNKNOWN),
        (slo(49, Compliance.FAIL), Service.UNKNOWN),
        (slo(50), Service.WELL),
        (slo(50, Compliance.WARN), Service.WELL),
        (slo(50, Compliance.FAIL), Service.BADLY),
    ],
)
def test_objectives_are_unknown_without_enough_traffic(
    status: SloStatus | None, judged: Service
) -> None:
    assert service(status, 50) is judged


def test_no_samples_are_unknown_however_few_are_enough() -> None:
    assert service(slo(0, Compliance.FAIL), 0) is Service.UNKNOWN


@pytest.mark.parametrize(
    ("config", "event", "with_history", "alone"),
    [
        (ON, None, Cause.SERVING, Cause.SERVING),
        (BY_DEFAULT, None, Cause.NEVER_ON_OR_EXPIRED, Cause.NEVER_ON_OR_EXPIRED),
        (SWITCHED_OFF, PULLED, Cause.AUTO_ROLLBACK, Cause.DISABLED),
        (SWITCHED_OFF, OLDER, Cause.DISABLED_BY_PERSON, Cause.DISABLED),
        (SWITCHED_OFF, None, Cause.DISABLED_BY_PERSON, Cause.DISABLED),
        (CanaryConfig(enabled=False, percentage=0), None, Cause.UNKNOWN, Cause.UNKNOWN),
        (
            CanaryConfig(enabled=False, percentage=0, metadata={"disabled_at": "soon"}),
            PULLED,
            Cause.UNKNOWN,
            Cause.UNKNOWN,
        ),
        (CanaryConfig(enabled=True, percentage=0), None, Cause.UNKNOWN, Cause.UNKNOWN),
    ],
)
def test_why_a_canary_is_off_is_reported_as_far_as_the_dialect_shows_it(
    config: CanaryConfig, event: RollbackEvent | None, with_history: Cause, alone: Cause
) -> None:
    assert why_off(config, event, history=True) is with_history
    assert why_off(config, event, history=False) is alone


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (SWITCHED_OFF, "was switched off at 2025-11-27 09:00:00 UTC"),
        (BY_DEFAULT, "never enabled, or kept for its hour and forgotten"),
    ],
)
def test_with_handlers_only_its_status_says_why_it_is_off(config: CanaryConfig, words: str) -> None:
    found = unseen(config)

    assert words in found.headline
    assert "unknown" not in found.headline
    assert found.outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        (None, Cause.DISABLED),
        ((), Cause.DISABLED_BY_PERSON),
        ((PULLED,), Cause.AUTO_ROLLBACK),
        ((OLDER,), Cause.DISABLED_BY_PERSON),
    ],
)
def test_a_history_that_is_there_is_used_whatever_else_is_missing(
    events: tuple[RollbackEvent, ...] | None, cause: Cause
) -> None:
    missing = {"slo/status": "It answered 404."}
    found = by_status_alone(ROUTE, SWITCHED_OFF, WELL, missing, Option.RESTORE, events)

    assert (found.cause, found.plan, found.outcome) == (cause, None, Outcome.BLOCKED)


def test_traffic_without_objectives_shows_no_canary_well() -> None:
    side = Metrics(
        sample_size=500, availability_percent=99, error_rate_percent=30, p95_latency_ms=9000
    )
    share = side.model_copy(update={"sample_size": 2000})
    traffic = CanaryTraffic(since=NOW, percentage=20, canary=side, stable=share)
    diagnosis = issue(ON, configured_percent=20, traffic=traffic)

    assert diagnosis.outcome is Outcome.UNVERIFIED
    assert fact(diagnosis.evidence, "slo/status").observed == "not offered"


def test_a_canary_that_serves_and_cannot_be_judged_is_the_same_to_both_playbooks() -> None:
    outcomes = {unseen(ON).outcome, issue(ON).outcome, rollback(ON, slo(0)).outcome}

    assert outcomes == {Outcome.UNVERIFIED}


def test_a_canary_that_serves_badly_is_no_green_end() -> None:
    found = rollback(ON, slo(50, Compliance.FAIL))

    assert (found.outcome, found.severity, found.plan) == (Outcome.BLOCKED, Severity.P0, None)
    assert "start canary-issue" in found.headline


def test_a_canary_that_serves_well_needs_nothing() -> None:
    assert rollback(ON, slo(50)).outcome is Outcome.NOTHING_TO_DO


def test_endpoints_that_are_not_there_are_not_seen() -> None:
    found = unseen(SWITCHED_OFF)

    assert {fact(found.evidence, path).observed for path in MISSING} == {"not offered"}


@pytest.mark.parametrize(
    "health",
    [
        WELL,
        Health(answered=True, status="500: this.dalgetPerformanceStats is not a function"),
        Health(answered=False, status="no answer within 5 s"),
    ],
)
def test_no_answer_of_data_health_is_a_signal(health: Health) -> None:
    assert no_signal(health).meaning.startswith("No signal")
