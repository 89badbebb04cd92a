"""Judges from one look if a repaired target holds its steady state."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from cct_ops.models.base import Frozen
from cct_ops.models.cct import CanaryMetrics, CanaryStatus, Metrics, Route
from cct_ops.models.github import WorkflowRun
from cct_ops.models.plan import CanaryServes, WorkflowSucceeds


class Verdict(StrEnum):
    """The verdict of one look; ``too few samples`` is never taken for ``holds``."""

    HOLDS = "holds"
    TOO_FEW_SAMPLES = "too few samples"
    BROKEN = "broken"


class Verification(Frozen):
    """
    One look at a target after a change: the verdict, the sentence, and the samples behind it.

    With ``final`` no later look can say anything else, so that there is nothing more to wait for.
    """

    verdict: Verdict
    reason: str
    samples: int = 0
    final: bool = False

    @classmethod
    def too_few(cls, reason: str, samples: int = 0) -> Verification:
        """Return a look that saw too little to judge by."""
        return cls(verdict=Verdict.TOO_FEW_SAMPLES, reason=reason, samples=samples)

    @classmethod
    def of_workflow(cls, steady: WorkflowSucceeds, runs: Iterable[WorkflowRun]) -> Verification:
        """Judge a workflow that was started: the oldest newer run of it is the one that counts."""
        newer = [
            run for run in runs if run.id > steady.after_run_id and run.event == "workflow_dispatch"
        ]
        if not newer:
            return cls.too_few(f"{steady.workflow} has no new run yet.")
        run = min(newer, key=lambda each: each.id)
        if run.conclusion is None:
            return cls.too_few(f"Run {run.id} of {steady.workflow} has not ended: {run.status}.")
        return cls(
            verdict=Verdict.HOLDS if run.succeeded else Verdict.BROKEN,
            reason=f"Run {run.id} of {steady.workflow} ended: {run.conclusion}. {run.html_url}",
            samples=1,
            final=True,
        )

    @classmethod
    def of_canary(
        cls, route: Route, steady: CanaryServes, status: CanaryStatus, metrics: CanaryMetrics
    ) -> Verification:
        """Judge a canary that was put back: it must be on, and its own traffic within bounds."""
        config = status.routes.get(route)
        if config is None or not config.serves:
            reason = f"The canary of {route} is off again: somebody or something disabled it."
            return cls(verdict=Verdict.BROKEN, reason=reason)

        traffic = metrics.routes.get(route)
        samples = traffic.canary.sample_size if traffic else 0
        if traffic is None or samples < steady.min_samples:
            seen = f"{samples} canary requests seen, {steady.min_samples} are needed."
            return cls.too_few(seen, samples)

        if steady.counted_since is not None and traffic.since <= steady.counted_since:
            return cls.too_few(
                "CCT counts the canary's traffic as before the change, so that nothing shows"
                " what came of it."
            )

        excess = _excess(traffic.canary, steady)
        if excess:
            reason = f"Over {samples} canary requests {excess}."
            return cls(verdict=Verdict.BROKEN, reason=reason, samples=samples)
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
