"""Which failure it was, and which test comes next."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from cct_ops.diagnoses.chaos_failure import (
    ChaosFailureDiagnosis,
    FailureFindings,
    PastExperiment,
    Setup,
)
from cct_ops.diagnoses.deployment import Deployment
from cct_ops.models.cct import Health
from cct_ops.models.chaos import ChaosMode, ChaosSeverity
from cct_ops.models.journal import Entry, FailureKind, Phase, Result, Sample
from cct_ops.models.run import Severity


def look(phase: Phase, result: Result) -> Entry:
    """One look that saw one call."""
    seen = Sample(path="data/symbols", result=result, latency_ms=20, seen=result.value)
    return Entry(at=datetime.now(UTC), phase=phase, note="", samples=(seen,))


def experiment(during: Result, after: Result) -> PastExperiment:
    """An experiment with severe latency for ten minutes."""
    return PastExperiment(
        run_id=uuid4(),
        setup=Setup(chaos=ChaosMode.LATENCY, severity=ChaosSeverity.SEVERE, minutes=10),
        ended="Unverified",
        entries=(
            look(Phase.BEFORE, Result.GOOD),
            look(Phase.DURING, during),
            look(Phase.AFTER, after),
        ),
    )


def found(past: PastExperiment | None, **more: object) -> FailureFindings:
    """A system that is quiet and works, unless said otherwise."""
    return FailureFindings.model_validate(
        {
            "running": (),
            "strangers": (),
            "chaos_offered": True,
            "health": Health(answered=True, status="500: an error of its own"),
            "core": "core function answers 10 symbols",
            "core_works": True,
            "experiment": past,
            "deployment": Deployment(),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("past", "kind", "severity"),
    [
        (experiment(Result.ERROR, Result.GOOD), FailureKind.TOO_SEVERE, ChaosSeverity.MODERATE),
        (experiment(Result.GOOD, Result.LIMITED), FailureKind.FALSE_POSITIVE, ChaosSeverity.SEVERE),
        (experiment(Result.GOOD, Result.ERROR), FailureKind.NOT_RECOVERED, None),
        (experiment(Result.GOOD, Result.GOOD), FailureKind.NONE, None),
        (None, FailureKind.UNFINISHED, None),
    ],
)
def test_each_kind_of_failure_has_its_retest(
    past: PastExperiment | None, kind: FailureKind, severity: ChaosSeverity | None
) -> None:
    diagnosis = ChaosFailureDiagnosis.of(found(past))

    assert diagnosis.kind is kind
    assert (diagnosis.retest.severity if diagnosis.retest else None) is severity
    assert diagnosis.retest is None or diagnosis.retest.minutes == 3


def test_how_it_is_now_weighs_more_than_the_journal() -> None:
    past = experiment(Result.GOOD, Result.GOOD)
    diagnosis = ChaosFailureDiagnosis.of(found(past, core_works=False))

    assert (diagnosis.kind, diagnosis.severity) == (FailureKind.NOT_RECOVERED, Severity.P1)


def test_a_system_under_faults_is_not_called_one_that_does_not_recover() -> None:
    past = experiment(Result.GOOD, Result.GOOD)
    diagnosis = ChaosFailureDiagnosis.of(found(past, core_works=False, running=("a fault",)))

    assert diagnosis.kind is FailureKind.NONE
    assert not diagnosis.quiet
    assert "Still in effect: a fault" in diagnosis.headline


def test_deployments_that_could_not_be_read_are_said_to_be_so() -> None:
    unread = Deployment(problem="GH_TOKEN is not set")
    evidence = ChaosFailureDiagnosis.of(found(None, deployment=unread)).evidence

    (said,) = [each.observed for each in evidence if each.source == "deployments"]
    assert said == "GH_TOKEN is not set"


@pytest.mark.parametrize("answered", [True, False])
def test_what_health_says_never_speaks_against_a_system_that_works(answered: bool) -> None:
    """Releases of CCT answer it with a constant or with an error of its own."""
    health = Health(answered=answered, status="500: this.dalgetPerformanceStats is not a function")
    diagnosis = ChaosFailureDiagnosis.of(found(None, health=health))

    assert diagnosis.works
    assert diagnosis.kind is not FailureKind.NOT_RECOVERED
