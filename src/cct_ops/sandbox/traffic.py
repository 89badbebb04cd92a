"""
The traffic that CCT would see: the performance of each route, canary beside stable.

Nothing is random: a profile is what every sample shows, and counts follow from elapsed time. By
default both sides meet the route's objectives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.incidents import Metric

REQUESTS_PER_SECOND = 50.0

# A value, or a limit, of each indicator.
Profile = dict[Metric, float]

# Each route's thresholds, as CCT's SLO library has them built in.
_THRESHOLDS = (
    "p50ResponseTime",
    "p90ResponseTime",
    "p95ResponseTime",
    "p99ResponseTime",
    "availability",
    "errorRate",
    "canaryErrorRate",
    "canaryLatencyMultiplier",
)
_OF_ROUTES = {
    "/pre-market-briefing": (500, 1000, 1500, 3000, 99.9, 0.1, 0.5, 1.5),
    "/intraday-check": (300, 800, 1200, 2000, 99.5, 0.2, 1.0, 1.5),
    "/end-of-day-summary": (800, 1500, 2000, 4000, 99.0, 0.5, 1.5, 2.0),
    "/weekly-review": (1000, 2000, 3000, 5000, 98.0, 1.0, 2.0, 2.0),
    "/daily-summary": (600, 1200, 1800, 3500, 99.0, 0.5, 1.0, 1.5),
    "/weekly-analysis": (1200, 2500, 4000, 6000, 97.0, 1.5, 3.0, 2.0),
}
_OF_OTHERS = (1000, 2000, 3000, 5000, 95.0, 2.0, 5.0, 2.0)


def thresholds(route: str) -> dict[str, float]:
    """Return a route's thresholds as CCT names them; unknown routes have CCT's default."""
    return dict(zip(_THRESHOLDS, _OF_ROUTES.get(route, _OF_OTHERS), strict=True))


def limits(route: str) -> Profile:
    """Return the three thresholds that are watched, by the indicator's name."""
    named = thresholds(route)
    return {
        "p95_latency_ms": named["p95ResponseTime"],
        "error_rate_percent": named["errorRate"],
        "availability_percent": named["availability"],
    }


def indicators(profile: Profile, samples: int) -> Json:
    """Render CCT's indicators; without samples they read as a total outage, as in CCT."""
    p95 = profile["p95_latency_ms"] if samples else 0
    return {
        "availability": profile["availability_percent"] if samples else 0,
        "errorRate": profile["error_rate_percent"] if samples else 100,
        "p50ResponseTime": round(p95 * 0.4, 3),
        "p90ResponseTime": round(p95 * 0.8, 3),
        "p95ResponseTime": p95,
        "p99ResponseTime": round(p95 * 1.5, 3),
    }


def healthy(route: str) -> Profile:
    """Make the profile of a side that comfortably meets the route's objectives."""
    target = limits(route)
    return {
        "p95_latency_ms": target["p95_latency_ms"] * 0.5,
        "error_rate_percent": round(target["error_rate_percent"] * 0.2, 6),
        "availability_percent": (target["availability_percent"] + 100) / 2,
    }


@dataclass(frozen=True, slots=True)
class RouteTraffic:
    """Both sides of a route and how many requests it gets."""

    canary: Profile
    stable: Profile
    requests_per_second: float = REQUESTS_PER_SECOND
    slo_sample_size: int | None = None
    canary_gets_percent: float | None = None  # a splitter that is broken; None is one that works

    def samples(self, elapsed_seconds: float, canary_share: float) -> tuple[int, int]:
        """Count the requests that the canary and the stable side got in that time."""
        total = int(max(elapsed_seconds, 0) * self.requests_per_second)
        broken = self.canary_gets_percent
        on_canary = int(total * (canary_share if broken is None else broken / 100))
        return on_canary, total - on_canary


class Traffic:
    """The traffic of every route."""

    def __init__(self) -> None:
        self._routes: dict[str, RouteTraffic] = {}

    def of(self, route: str) -> RouteTraffic:
        """Return the traffic of a route."""
        return self._routes.get(route) or RouteTraffic(healthy(route), healthy(route))

    def change(
        self, route: str, *, canary: Profile, stable: Profile, figures: dict[str, Any]
    ) -> None:
        """Change what was given; the rest of the route's traffic stays."""
        old = self.of(route)
        self._routes[route] = replace(
            old, canary=old.canary | canary, stable=old.stable | stable, **figures
        )
