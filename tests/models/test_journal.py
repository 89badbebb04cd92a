"""What a journal of looks proves: the runbook's four kinds of failure, told apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cct_ops.diagnoses.experiment import ExperimentDiagnosis, ExperimentOptions, StagingFindings
from cct_ops.models.cct import Health
from cct_ops.models.chaos import ChaosMode, ChaosSeverity, Injection
from cct_ops.models.journal import Entry, FailureKind, Phase, Result, Sample, classify, steady
from cct_ops.models.verification import Verdict

WISH = ExperimentOptions(fault_id="cct-ops-1", lease_seconds=20)


def samples(*results: Result, latency_ms: float = 20) -> tuple[Sample, ...]:
    """Calls to as many endpoints."""
    return tuple(
        Sample(path=f"p{number}", result=result, latency_ms=latency_ms, seen=result.value)
        for number, result in enumerate(results)
    )


GOOD = samples(Result.GOOD, Result.GOOD, Result.GOOD)
BAD = samples(Result.ERROR, Result.SILENT, Result.ERROR)
LIMITED = samples(Result.LIMITED, Result.LIMITED, Result.LIMITED)
SLOW = samples(Result.GOOD, Result.GOOD, Result.GOOD, latency_ms=520)


def entry(
    phase: Phase, seen: tuple[Sample, ...], missed: int | None = None, noticed: int | None = None
) -> Entry:
    """One look."""
    return Entry(
        at=datetime.now(UTC), phase=phase, note="", samples=seen, missed=missed, noticed=noticed
    )


BEFORE = entry(Phase.BEFORE, GOOD, missed=0)
STRUCK = entry(Phase.DURING, SLOW, missed=0)
AFTER = entry(Phase.AFTER, GOOD, noticed=0)


@pytest.mark.parametrize(
    ("looks", "kind", "verdict"),
    [
        ((BEFORE, STRUCK, AFTER), FailureKind.NONE, Verdict.HOLDS),
        ((BEFORE, STRUCK), FailureKind.UNFINISHED, Verdict.TOO_FEW_SAMPLES),
        ((BEFORE, STRUCK, entry(Phase.AFTER, BAD)), FailureKind.NOT_RECOVERED, Verdict.BROKEN),
        ((BEFORE, STRUCK, entry(Phase.AFTER, SLOW)), FailureKind.NOT_RECOVERED, Verdict.BROKEN),
        (
            (BEFORE, STRUCK, entry(Phase.AFTER, LIMITED)),
            FailureKind.FALSE_POSITIVE,
            Verdict.TOO_FEW_SAMPLES,
        ),
        (
            (BEFORE, entry(Phase.DURING, BAD), entry(Phase.DURING, BAD), AFTER),
            FailureKind.TOO_SEVERE,
            Verdict.BROKEN,
        ),
        ((BEFORE, entry(Phase.DURING, BAD), STRUCK, AFTER), FailureKind.NONE, Verdict.HOLDS),
        (
            (BEFORE, entry(Phase.DURING, SLOW, missed=6), AFTER),
            FailureKind.UNMONITORED,
            Verdict.BROKEN,
        ),
        (
            (BEFORE, entry(Phase.DURING, SLOW, missed=6), entry(Phase.AFTER, GOOD, noticed=6)),
            FailureKind.NONE,
            Verdict.HOLDS,
        ),
    ],
)
def test_a_journal_shows_the_kind_of_failure(
    looks: tuple[Entry, ...], kind: FailureKind, verdict: Verdict
) -> None:
    found = classify(looks)

    assert (found.kind, found.verification.verdict) == (kind, verdict), found.why


def test_our_own_429s_prove_nothing() -> None:
    assert steady(LIMITED) is None
    assert steady((*GOOD, *LIMITED)) is True
    assert steady((*GOOD[:1], *BAD)) is False


def test_the_numbers_are_those_of_the_script_and_a_mode_injects_only_its_own() -> None:
    mild = Injection.of(ChaosMode.ALL, ChaosSeverity.MILD)

    assert (mild.latency_ms, mild.error_percent, mild.timeout_percent) == (500, 5, 1)
    assert Injection.of(ChaosMode.LATENCY, ChaosSeverity.SEVERE) == Injection(
        mode=ChaosMode.LATENCY, latency_ms=5000
    )
    assert ChaosSeverity.SEVERE.milder is ChaosSeverity.MODERATE
    assert ChaosSeverity.MILD.milder is ChaosSeverity.MILD


HEALTH = Health(answered=True, status="500: this.dalgetPerformanceStats is not a function")
STEADY = StagingFindings(environment="staging", health=HEALTH, baseline=GOOD)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (StagingFindings(environment=None, without="404."), "ignores chaos"),
        (StagingFindings(environment="production"), "only staging may be hurt"),
        (StagingFindings(environment="Staging"), "only staging may be hurt"),
        (STEADY.model_copy(update={"faults": ("f1",)}), "in effect already: f1"),
        (STEADY.model_copy(update={"baseline": BAD}), "does not serve steadily"),
        (STEADY.model_copy(update={"baseline": LIMITED}), "does not serve steadily"),
    ],
)
def test_nothing_is_injected_where_it_must_not_be(found: StagingFindings, said: str) -> None:
    diagnosis = ExperimentDiagnosis.of(found, WISH)

    assert diagnosis.plan is None
    assert said in diagnosis.headline


def test_every_fault_has_its_removal_and_an_end_that_is_near() -> None:
    plan = ExperimentDiagnosis.of(STEADY, WISH).plan

    assert plan is not None
    (step,) = plan.steps
    assert step.undo is not None
    assert step.undo.method == "remove_fault"
    assert step.undo.arguments == {"fault_id": "cct-ops-1"}
    assert step.lasts_minutes == pytest.approx(20 / 60)
    assert step.call.arguments["ttl_seconds"] == 5 * 60 + 60
    assert plan.digest == ExperimentDiagnosis.of(STEADY, WISH).plan.digest  # type: ignore[union-attr]
