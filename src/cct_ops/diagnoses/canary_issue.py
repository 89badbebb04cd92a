"""
What is wrong with a canary that is on: its traffic, its configuration, its performance, its flags.

A canary that is off is another matter: why it is off is what the auto-rollback playbook finds out.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import ClassVar

from cct_ops.diagnoses.canary_fix import (
    PLAYBOOK,
    CanaryFix,
    impossible,
    judged_anew,
    plan_of,
    so_already,
)
from cct_ops.diagnoses.evidence import Service, not_offered
from cct_ops.diagnoses.rollback_plan import WatchWindow
from cct_ops.models.base import Frozen, counted
from cct_ops.models.cct import CanaryConfig, CanaryTraffic, Route, SloThresholds
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import Plan
from cct_ops.models.run import Evidence, Outcome, Severity

# A share may miss the configured one by chance: three standard deviations are no chance, and less
# than this many percentage points hurt nobody.
DEVIATIONS = 3.0
TOLERATED_POINTS = 3.0


class Issue(StrEnum):
    """A common issue, named as in the runbook."""

    NONE = "none"
    OFF = "off"
    CONFIGURATION = "configuration error"
    TRAFFIC_SPLIT = "traffic splitting"
    PERFORMANCE = "performance degradation"
    FLAG_CONFLICT = "feature flag conflict"
    UNKNOWN = "unknown"


class DirectCall(Frozen):
    """One direct call: whether it was answered well, and what was seen."""

    well: bool
    seen: str


class CanaryFindings(Frozen):
    """The findings of the probes; None for what this CCT does not offer."""

    config: CanaryConfig
    configured_percent: float | None
    traffic: CanaryTraffic | None
    thresholds: SloThresholds | None
    plain: DirectCall
    as_canary: DirectCall


class CanaryDiagnosis(Conclusion):
    """The issue of a canary; without a plan ``outcome`` is how the run ends."""

    playbook: ClassVar[str] = PLAYBOOK
    target: Route
    issue: Issue

    @classmethod
    def of(
        cls, target: Route, found: CanaryFindings, watch: WatchWindow, fix: CanaryFix
    ) -> CanaryDiagnosis:
        """Conclude from what the probes saw; the same findings always give the same diagnosis."""
        issue, why = _issue(found, watch)
        chosen = _RECOMMENDED.get(issue) if fix is CanaryFix.RECOMMENDED else fix
        plan = _plan(target, found, watch, issue, chosen)
        outcome = (Service.UNKNOWN if issue is Issue.UNKNOWN else Service.WELL).outcome
        if (so := _so_already(found, issue, chosen)) is not None:
            why, plan, outcome = f"{why} It is so already: {so}.", None, Outcome.NOTHING_TO_DO
        if isinstance(plan, str):
            why, plan, outcome = f"{why} {plan}", None, Outcome.BLOCKED
        return cls(
            target=target,
            issue=issue,
            headline=f"The canary of {target}: {why}",
            severity=_severity(issue, found),
            evidence=_evidence(found),
            plan=plan,
            outcome=outcome,
        )


def _issue(found: CanaryFindings, watch: WatchWindow) -> tuple[Issue, str]:
    """Name the issue and say why; issues that show without traffic come first."""
    if found.plain.well and not found.as_canary.well:
        seen = found.as_canary.seen
        return Issue.FLAG_CONFLICT, f"calls marked for it fail while plain ones work ({seen})."
    if not found.config.enabled:
        return Issue.OFF, "it is off; the auto-rollback playbook finds out why."
    if problem := _configuration_problem(found):
        return Issue.CONFIGURATION, problem
    if found.traffic is None:
        return Issue.UNKNOWN, "it is on, and this CCT measures no traffic to judge it by."
    return _issue_of_traffic(found.traffic, found.thresholds, watch)


def _issue_of_traffic(
    traffic: CanaryTraffic, allowed: SloThresholds | None, watch: WatchWindow
) -> tuple[Issue, str]:
    """Judge by what both sides served, as far as there was enough of it."""
    total = traffic.canary.sample_size + traffic.stable.sample_size
    if total < watch.min_samples:
        return Issue.UNKNOWN, f"{counted(total, 'request')} are too few to judge it by."
    if split := _split_problem(traffic):
        return Issue.TRAFFIC_SPLIT, split
    if unknown := _unknown(traffic, allowed, watch):
        return Issue.UNKNOWN, unknown
    if slower := _performance_problem(traffic, allowed):
        return Issue.PERFORMANCE, slower
    if hurt := _stable_problem(traffic, allowed):
        return Issue.FLAG_CONFLICT, hurt
    return Issue.NONE, "it gets its share and serves as well as stable does."


def _unknown(
    traffic: CanaryTraffic, allowed: SloThresholds | None, watch: WatchWindow
) -> str | None:
    """Say why nothing shows how it serves; None where something does."""
    if traffic.canary.sample_size < watch.min_samples:
        return f"{traffic.canary.sample_size} of its requests are too few."
    if allowed is None:
        return "it gets its share, and this CCT has no objectives to judge it by."
    return None


def _configuration_problem(found: CanaryFindings) -> str | None:
    config = found.config
    if config.percentage is None:
        return "its share is not a number, so nobody can say who gets it."
    if config.percentage == 0:
        return "it is on and gets no traffic: its share is 0 %."
    both = sorted(set(config.whitelist) & set(config.blacklist))
    if both:
        return f"{len(both)} entries are on its whitelist and on its blacklist."
    configured = found.configured_percent
    if configured is not None and configured != config.percentage:
        return f"it runs at {config.percentage:g} % and is configured for {configured:g} %."
    return None


def _split_problem(traffic: CanaryTraffic) -> str | None:
    """Return the problem of a share that cannot be chance (normal approximation of a binomial)."""
    total = traffic.canary.sample_size + traffic.stable.sample_size
    expected = traffic.percentage / 100
    observed = traffic.canary.sample_size / total
    spread = math.sqrt(expected * (1 - expected) / total)
    off = abs(observed - expected)
    if off * 100 <= TOLERATED_POINTS or off <= DEVIATIONS * spread:
        return None
    return f"it got {observed:.1%} of {counted(total, 'request')} and should get {expected:.1%}."


def _performance_problem(traffic: CanaryTraffic, allowed: SloThresholds | None) -> str | None:
    canary, stable = traffic.canary, traffic.stable
    if allowed is None:
        return None
    slowest = max(stable.p95_latency_ms, allowed.p95_latency_ms) * allowed.canary_latency_factor
    if canary.p95_latency_ms > slowest:
        return (
            f"its p95 is {canary.p95_latency_ms:g} ms, stable's {stable.p95_latency_ms:g} ms;"
            f" {slowest:g} ms are allowed."
        )
    most = max(stable.error_rate_percent, allowed.canary_error_rate_percent)
    if canary.error_rate_percent > most:
        return (
            f"{canary.error_rate_percent:g} % of its requests fail, stable's"
            f" {stable.error_rate_percent:g} %; {most:g} % are allowed."
        )
    return None


def _stable_problem(traffic: CanaryTraffic, allowed: SloThresholds | None) -> str | None:
    """Stable misses its objectives and the canary does not: its features are in stable's way."""
    stable = traffic.stable
    if allowed is None or stable.sample_size == 0:
        return None
    if stable.p95_latency_ms > allowed.p95_latency_ms:
        return f"it serves well, and stable's p95 is {stable.p95_latency_ms:g} ms since it is on."
    if stable.error_rate_percent > allowed.error_rate_percent:
        failing = f"{stable.error_rate_percent:g} %"
        return f"it serves well, and {failing} of stable's requests fail since it is on."
    return None


def _severity(issue: Issue, found: CanaryFindings) -> Severity:
    stable_hurt = found.traffic and _stable_problem(found.traffic, found.thresholds)
    if issue is Issue.FLAG_CONFLICT and stable_hurt:
        return Severity.P0
    if issue in {Issue.FLAG_CONFLICT, Issue.PERFORMANCE}:
        return Severity.P1
    return Severity.P2


_RECOMMENDED = {
    Issue.CONFIGURATION: CanaryFix.RESET,
    Issue.TRAFFIC_SPLIT: CanaryFix.RESET,
    Issue.PERFORMANCE: CanaryFix.DISABLE,
    Issue.FLAG_CONFLICT: CanaryFix.DISABLE,
}


def _plan(
    target: Route, found: CanaryFindings, watch: WatchWindow, issue: Issue, chosen: CanaryFix | None
) -> Plan | str | None:
    """Plan what was asked or what the issue calls for, or say why not; None is nothing to do."""
    recommended = _RECOMMENDED.get(issue)
    if chosen is None:
        return None
    measured = found.traffic is not None
    refusal = impossible(chosen, configured=found.configured_percent is not None, measured=measured)
    if refusal is not None:
        return refusal
    why = None if chosen is recommended else f"{chosen} is not what the diagnosis calls for."
    plan = plan_of(
        target, found.config, found.thresholds, watch, chosen, issue=issue.value, needs_person=why
    )
    # Where it is at its share before, that it is there afterwards proves nothing.
    at_its_share = so_already(CanaryFix.RESET, found.config, found.configured_percent)
    if chosen is CanaryFix.RESET and at_its_share and found.traffic is not None:
        return judged_anew(plan, found.traffic.since)
    return plan


def _so_already(found: CanaryFindings, issue: Issue, chosen: CanaryFix | None) -> str | None:
    """Return what is seen where the fix changes nothing; a reset may mend what no share shows."""
    mends = {Issue.TRAFFIC_SPLIT, Issue.CONFIGURATION}
    if chosen is None or (chosen is CanaryFix.RESET and issue in mends):
        return None
    return so_already(chosen, found.config, found.configured_percent)


def _evidence(found: CanaryFindings) -> tuple[Evidence, ...]:
    config, traffic = found.config, found.traffic
    share = "no number" if config.percentage is None else f"{config.percentage:g} %"
    configured = found.configured_percent
    facts = [
        Evidence.of(
            "canary/status",
            f"{'on' if config.enabled else 'off'}, share {share}",
            "What CCT goes by.",
        ),
        not_offered("canary/config", "Nothing shows what a reset goes back to.")
        if configured is None
        else Evidence.of(
            "canary/config", f"configured for {configured:g} %", "What a reset goes back to."
        ),
    ]
    if traffic is None:
        facts.append(not_offered("canary/metrics", "How it serves is unknown."))
    else:
        for side, seen in (("canary", traffic.canary), ("stable", traffic.stable)):
            facts.append(
                Evidence.of(
                    "canary/metrics",
                    (
                        f"{side}: {seen.sample_size} requests, p95 {seen.p95_latency_ms:g} ms,"
                        f" errors {seen.error_rate_percent:g} %"
                    ),
                    f"Since {traffic.since:%H:%M:%S} UTC.",
                )
            )
    if found.thresholds is None:
        facts.append(not_offered("slo/status", "No objectives to judge it by."))
    facts += [
        Evidence.of("data/symbols", found.plain.seen, "A plain call."),
        Evidence.of(
            "data/symbols",
            found.as_canary.seen,
            "The same call with X-Canary-Test, which releases of CCT so far ignore.",
        ),
    ]
    return tuple(facts)
