"""
The SLO family: each route's objectives over a window, and the breaches on record.

The window shows the worst of: the stable side; the canary, where it is on and misses an objective;
and what any breach showed that lies, at least in part, within the window.
"""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.models.cct import Route
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json, Reply, success
from cct_ops.sandbox.incidents import Breach, Metric
from cct_ops.sandbox.traffic import Profile, indicators, limits, thresholds
from cct_ops.sandbox.world import Call, Family, Verb, World

DEFAULT_WINDOW_MINUTES = 60.0
DEFAULT_BREACH_HOURS = 1.0
TOLERANCE = 0.1


def status(call: Call) -> Reply:
    """Answer every route's indicators, thresholds and verdicts over ``windowMin`` minutes."""
    minutes = call.number("windowMin", DEFAULT_WINDOW_MINUTES)
    return success(call.now, [_status(call.world, route, minutes * 60) for route in Route])


def breaches(call: Call) -> Reply:
    """Answer the breaches recorded in the last ``hours``, newest first."""
    hours = call.number("hours", DEFAULT_BREACH_HOURS)
    now = call.now
    since = now - hours * 3600
    recorded = call.world.incidents.recorded_breaches(since, now)
    return success(now, [*_injected(call.world, since), *recorded])


def alerts(call: Call) -> Reply:
    """Answer nothing, as CCT's alert list always does."""
    return success(call.now, [])


RUNBOOK = Family(
    "SLO endpoint not found",
    {"status": Verb(status), "breaches": Verb(breaches), "alerts": Verb(alerts)},
)


def observed(world: World, route: str, window_seconds: float) -> Profile:
    """Return what the route's window shows."""
    traffic, target = world.serving(route), limits(route)
    shown = traffic.stable
    if world.canary.written(route).config.share > 0:
        for metric, value in traffic.canary.items():
            if verdict(metric, value, target) != "PASS":
                shown = _worse(shown, metric, value)
    since = world.clock.now() - window_seconds
    for breach in world.incidents.breaches:
        if breach.route == route and breach.within(since):
            shown = _worse(shown, breach.metric, breach.observed)
    return shown


def verdict(metric: Metric, value: float, target: Profile) -> str:
    """Judge one indicator: PASS at the threshold, WARN within 10 % of it, else FAIL."""
    limit = target[metric]
    over = limit - value if metric == "availability_percent" else value - limit
    missed_by = over / limit
    if missed_by <= 0:
        return "PASS"
    return "WARN" if missed_by <= TOLERANCE else "FAIL"


def _injected(world: World, since: float) -> Iterator[Json]:
    """Yield what the monitor noticed of injected faults, newest first."""
    faults = world.chaos.faults if world.chaos.monitored else []
    for fault in reversed(faults):
        for route in Route if fault.since >= since else ():
            target = limits(route)
            seen = fault.degrade(world.traffic.of(route).stable)
            failed = [name for name in seen if verdict(name, seen[name], target) == "FAIL"]
            if failed:
                metric, limit = failed[0], target[failed[0]]
                name = f"{fault.id}{route.replace('/', '-')}"
                breach = Breach(name, route, metric, seen[metric], limit, fault.since, fault.until)
                yield breach.wire(fault.since)


def _worse(profile: Profile, metric: Metric, value: float) -> Profile:
    pick = min if metric == "availability_percent" else max
    return profile | {metric: pick(profile[metric], value)}


def _status(world: World, route: str, window_seconds: float) -> Json:
    traffic, target = world.traffic.of(route), limits(route)
    by_rate = int(traffic.requests_per_second * window_seconds)
    samples = by_rate if traffic.slo_sample_size is None else traffic.slo_sample_size
    shown = indicators(observed(world, route, window_seconds), samples)
    compliance = {
        "availability": verdict("availability_percent", shown["availability"], target),
        "errorRate": verdict("error_rate_percent", shown["errorRate"], target),
        "responseTime": verdict("p95_latency_ms", shown["p95ResponseTime"], target),
    }
    overall = "HEALTHY"
    if "WARN" in compliance.values():
        overall = "WARNING"
    if "FAIL" in compliance.values():
        overall = "CRITICAL"
    return {
        "endpoint": str(route),
        "currentMetrics": shown,
        "thresholds": thresholds(route),
        "complianceStatus": compliance,
        "overall": overall,
        "lastUpdated": iso(world.clock.now()),
        "sampleSize": samples,
    }
