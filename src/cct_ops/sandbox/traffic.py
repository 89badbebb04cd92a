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


@dataclass(frozen=True, slots=True)
class Objectives:
    """One route's thresholds, as CCT's SLO library has them built in."""

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    availability_percent: float
    error_rate_percent: float
    canary_error_rate_percent: float
    canary_latency_factor: float

    @property
    def limits(self) -> dict[Metric, float]:
        """Return the three that are watched, by the indicator's name."""
        return {
            "p95_latency_ms": self.p95_ms,
            "error_rate_percent": self.error_rate_percent,
            "availability_percent": self.availability_percent,
        }

    def wire(self) -> Json:
        """Render as CCT's ``thresholds``."""
        return {
            "p50ResponseTime": self.p50_ms,
            "p90ResponseTime": self.p90_ms,
            "p95ResponseTime": self.p95_ms,
            "p99ResponseTime": self.p99_ms,
            "availability": self.availability_percent,
            "errorRate": self.error_rate_percent,
            "canaryErrorRate": self.canary_error_rate_percent,
            "canaryLatencyMultiplier": self.canary_latency_factor,
        }


OBJECTIVES = {
    "/pre-market-briefing": Objectives(500, 1000, 1500, 3000, 99.9, 0.1, 0.5, 1.5),
    "/intraday-check": Objectives(300, 800, 1200, 2000, 99.5, 0.2, 1.0, 1.5),
    "/end-of-day-summary": Objectives(800, 1500, 2000, 4000, 99.0, 0.5, 1.5, 2.0),
    "/weekly-review": Objectives(1000, 2000, 3000, 5000, 98.0, 1.0, 2.0, 2.0),
    "/daily-summary": Objectives(600, 1200, 1800, 3500, 99.0, 0.5, 1.0, 1.5),
    "/weekly-analysis": Objectives(1200, 2500, 4000, 6000, 97.0, 1.5, 3.0, 2.0),
}
FALLBACK = Objectives(1000, 2000, 3000, 5000, 95.0, 2.0, 5.0, 2.0)


def objectives(route: str) -> Objectives:
    """Return the thresholds of a route, or CCT's default for a route that it does not know."""
    return OBJECTIVES.get(route, FALLBACK)


@dataclass(frozen=True, slots=True)
class Profile:
    """The performance of one side of a route."""

    p95_latency_ms: float
    error_rate_percent: float
    availability_percent: float

    def values(self) -> dict[Metric, float]:
        """Return the three indicators by name."""
        return {
            "p95_latency_ms": self.p95_latency_ms,
            "error_rate_percent": self.error_rate_percent,
            "availability_percent": self.availability_percent,
        }

    def indicators(self, samples: int) -> Json:
        """Render CCT's indicators; without samples they read as a total outage, as in CCT."""
        p95 = self.p95_latency_ms if samples else 0
        return {
            "availability": self.availability_percent if samples else 0,
            "errorRate": self.error_rate_percent if samples else 100,
            "p50ResponseTime": round(p95 * 0.4, 3),
            "p90ResponseTime": round(p95 * 0.8, 3),
            "p95ResponseTime": p95,
            "p99ResponseTime": round(p95 * 1.5, 3),
        }


def healthy(route: str) -> Profile:
    """Make the profile of a side that comfortably meets the route's objectives."""
    target = objectives(route)
    return Profile(
        p95_latency_ms=target.p95_ms * 0.5,
        error_rate_percent=round(target.error_rate_percent * 0.2, 6),
        availability_percent=(target.availability_percent + 100) / 2,
    )


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
        self,
        route: str,
        *,
        canary: dict[Metric, float],
        stable: dict[Metric, float],
        figures: dict[str, Any],
    ) -> None:
        """Change what was given; the rest of the route's traffic stays."""
        old = self.of(route)
        given = figures | {
            "canary": replace(old.canary, **canary),
            "stable": replace(old.stable, **stable),
        }
        self._routes[route] = replace(old, **given)
