"""CCT's rollback history, its breaches and its auto-rollback policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import uuid4

from pydantic.alias_generators import to_camel

from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json

Metric = Literal["p95_latency_ms", "error_rate_percent", "availability_percent"]

HISTORY_LENGTH = 100

# By the indicator's name in the runbook: the type of its breach, and how that is said.
BREACHES: dict[Metric, tuple[str, str]] = {
    "p95_latency_ms": ("response_time", "P95 latency: {:g}ms > {:g}ms"),
    "error_rate_percent": ("error_rate", "Error rate: {:g}% > {:g}%"),
    "availability_percent": ("availability", "Availability: {:g}% < {:g}%"),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Auto-rollback's policy: whether it acts, and from which values on."""

    enabled: bool = True
    thresholds: dict[Metric, float] = field(
        default_factory=lambda: {
            "p95_latency_ms": 3000,
            "error_rate_percent": 2.0,
            "availability_percent": 95.0,
        }
    )

    def wire(self) -> Json:
        """Render as the library's policy object, which rollback events quote."""
        return {
            "enabled": self.enabled,
            "sloThresholds": library_names(self.thresholds),
            "timeWindows": {"breachDurationMinutes": 5, "evaluationWindowMinutes": 10},
            "canary": {"higherErrorRateMultiplier": 2.0, "higherLatencyMultiplier": 1.5},
            "cooldown": {"rollbackCooldownMinutes": 30, "evaluationIntervalMinutes": 2},
            "notifications": {
                "enabled": True,
                "channels": ["webhook", "slack", "email"],
                "alertThreshold": "critical",
            },
        }


@dataclass(frozen=True, slots=True)
class Breach:
    """An objective that was missed, from when until when (None: it still is)."""

    id: str
    route: str
    metric: Metric
    observed: float
    threshold: float
    started_at: float
    ended_at: float | None

    def within(self, since: float) -> bool:
        """Return True if any of it lies after ``since``."""
        return self.ended_at is None or self.ended_at >= since

    @property
    def sentence(self) -> str:
        """The breach as auto-rollback describes it."""
        return BREACHES[self.metric][1].format(self.observed, self.threshold)

    def wire(self, at: float, *, again: bool = False) -> Json:
        """Render as an alert of the SLO monitor; ``again`` is a later one of the same breach."""
        return {
            "id": f"{self.id}-again" if again else self.id,
            "type": BREACHES[self.metric][0],
            "endpoint": self.route,
            "severity": "CRITICAL",
            "timestamp": iso(at),
            "details": self.sentence,
            "metadata": {"observed": self.observed, "threshold": self.threshold},
        }


def library_names(values: dict[Metric, float]) -> Json:
    """Rename the three indicators to the library's camelCase."""
    return {to_camel(metric): value for metric, value in values.items()}


class Incidents:
    """The rollbacks that CCT carried out and the breaches that it recorded."""

    def __init__(self) -> None:
        self.events: list[tuple[float, Json]] = []
        self.breaches: list[Breach] = []

    def roll_back(self, breach: Breach, policy: Policy, measured: dict[Metric, float]) -> None:
        """Record that auto-rollback pulled the canary because of ``breach``, when it started."""
        at = breach.started_at
        self.breaches = [_ended(b, at) if b.route == breach.route else b for b in self.breaches]
        self.breaches.append(breach)
        limits = policy.thresholds | {breach.metric: breach.threshold}
        event = {
            "id": str(uuid4()),
            "timestamp": iso(at),
            "endpoint": breach.route,
            "reason": breach.sentence,
            "sloMetrics": library_names(measured | {breach.metric: breach.observed}),
            "thresholds": library_names(limits),
            "policy": policy.wire(),
            "rollbackAction": {
                "executed": True,
                "canaryDisabled": True,
                "previousCommit": None,
                "timestamp": iso(at),
            },
            "lastKnownGood": None,
        }
        self.events = sorted([*self.events, (at, event)], key=lambda e: e[0])[-HISTORY_LENGTH:]

    def newest_events(self) -> list[Json]:
        """Return the rollback events, newest first."""
        return [event for _, event in reversed(self.events)]

    def recorded_breaches(self, since: float, now: float) -> list[Json]:
        """Return the breach records after ``since``, newest first; an ongoing one adds another."""
        records = [(b.started_at, b.wire(b.started_at)) for b in self.breaches]
        records += [(now, b.wire(now, again=True)) for b in self.breaches if b.ended_at is None]
        return [wire for at, wire in sorted(records, key=lambda r: -r[0]) if at >= since]


def _ended(breach: Breach, at: float) -> Breach:
    """End a breach that was still going on."""
    if breach.ended_at is not None:
        return breach
    return replace(breach, ended_at=max(at, breach.started_at))
