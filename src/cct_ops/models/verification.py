"""Whether a repaired target holds its steady state, judged from one look at it."""

from __future__ import annotations

from enum import StrEnum

from cct_ops.models.base import Frozen
from cct_ops.models.cct import CanaryMetrics, CanaryStatus, Metrics, Route
from cct_ops.models.steady_state import CanaryServes


class Verdict(StrEnum):
    """What one look says; ``too few samples`` is never taken for ``holds``."""

    HOLDS = "holds"
    TOO_FEW_SAMPLES = "too few samples"
    BROKEN = "broken"


class Verification(Frozen):
    """One look at a target after a change: the verdict, the sentence, and the samples behind it."""

    verdict: Verdict
    reason: str
    samples: int = 0

    @classmethod
    def of_canary(
        cls, route: Route, steady: CanaryServes, status: CanaryStatus, metrics: CanaryMetrics
    ) -> Verification:
        """Judge a canary that was put back: it must be on, and its own traffic within bounds."""
        config = status.routes.get(route)
        if config is None or not config.serves:
            return cls(
                verdict=Verdict.BROKEN,
                reason=f"The canary of {route} is off again: somebody or something disabled it.",
            )

        traffic = metrics.routes.get(route)
        samples = traffic.canary.sample_size if traffic else 0
        if traffic is None or samples < steady.min_samples:
            return cls(
                verdict=Verdict.TOO_FEW_SAMPLES,
                reason=f"{samples} canary requests seen, {steady.min_samples} are needed.",
                samples=samples,
            )

        excess = _excess(traffic.canary, steady)
        if excess:
            return cls(
                verdict=Verdict.BROKEN,
                reason=f"Over {samples} canary requests {excess}.",
                samples=samples,
            )
        return cls(
            verdict=Verdict.HOLDS,
            reason=(
                f"{samples} canary requests, {config.shown} of traffic: p95"
                f" {traffic.canary.p95_latency_ms:g} ms (limit {steady.p95_latency_ms:g}), errors"
                f" {traffic.canary.error_rate_percent:g} % (limit {steady.error_rate_percent:g}),"
                f" availability {traffic.canary.availability_percent:g} %"
                f" (at least {steady.availability_percent:g})."
            ),
            samples=samples,
        )


def _excess(seen: Metrics, steady: CanaryServes) -> str:
    """Return what is out of bounds as the middle of a sentence, or an empty string."""
    found = []
    if seen.p95_latency_ms > steady.p95_latency_ms:
        found.append(
            f"p95 latency is {seen.p95_latency_ms:g} ms, the limit is {steady.p95_latency_ms:g} ms"
        )
    if seen.error_rate_percent > steady.error_rate_percent:
        found.append(
            f"the error rate is {seen.error_rate_percent:g} %,"
            f" the limit is {steady.error_rate_percent:g} %"
        )
    if seen.availability_percent < steady.availability_percent:
        found.append(
            f"availability is {seen.availability_percent:g} %,"
            f" it must be at least {steady.availability_percent:g} %"
        )
    return " and ".join(found)
