"""What each answer of CCT can show, dialect by dialect, and that no two playbooks differ in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cct_ops.models.canary_fix import CanaryFix
from cct_ops.models.canary_issue import CanaryDiagnosis, CanaryFindings, DirectCall
from cct_ops.models.cct import (
    CanaryConfig,
    Compliance,
    ComplianceStatus,
    Health,
    RollbackAction,
    RollbackEvent,
    Route,
    SloMetrics,
    SloStatus,
    SloThresholds,
)
from cct_ops.models.evidence import Cause, Counts, Service, no_signal, service, why_off
from cct_ops.models.exemption_cleanup import CleanupDiagnosis
from cct_ops.models.exemption_failure import ExemptionDiagnosis, Fix
from cct_ops.models.exemption_weekly import WeeklyDiagnosis
from cct_ops.models.exemptions import ExemptionConclusion, ExemptionFindings
from cct_ops.models.outcome import Evidence, Outcome, Severity
from cct_ops.models.rollback import RollbackDiagnosis, RollbackFindings
from cct_ops.models.rollback_plan import Option, Watch
from cct_ops.models.rollback_unseen import by_status_alone
from cct_ops.models.topic import is_urgent
from tests.models.exemption_parts import exemption, findings

ROUTE = Route.DAILY_SUMMARY
NOW = datetime(2025, 11, 27, 9, 0, tzinfo=UTC)
WATCH = Watch(seconds=300, min_samples=50)
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


def issue(config: CanaryConfig) -> CanaryDiagnosis:
    """What canary-issue concludes where CCT measures no traffic."""
    call = DirectCall(well=True, seen="10 symbols")
    found = CanaryFindings(
        config=config,
        configured_percent=None,
        traffic=None,
        thresholds=None,
        plain=call,
        as_canary=call,
    )
    return CanaryDiagnosis.of(ROUTE, found, WATCH, CanaryFix.RECOMMENDED)


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
def test_why_a_canary_is_off_is_told_as_far_as_the_dialect_shows_it(
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
def test_with_handlers_only_its_status_tells_why_it_is_off(
    config: CanaryConfig, words: str
) -> None:
    found = unseen(config)

    assert words in found.headline
    assert "unknown" not in found.headline
    assert found.outcome is Outcome.BLOCKED


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


GOOD, LATE = exemption("OPS-1"), exemption("OPS-2", days_left=-2)


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
