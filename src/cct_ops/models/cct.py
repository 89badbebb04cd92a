"""
What CCT says about itself, field by field as docs/cct-api.md writes it down.

Wire names (camelCase) are aliases; our names carry their unit. Unknown fields are ignored: CCT may
grow. A missing or mistyped field is an error that the client turns into ``ContractBroken``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Route(StrEnum):
    """The six pages that CCT can serve from a canary; its canary status lists exactly these."""

    PRE_MARKET_BRIEFING = "/pre-market-briefing"
    INTRADAY_CHECK = "/intraday-check"
    END_OF_DAY_SUMMARY = "/end-of-day-summary"
    WEEKLY_REVIEW = "/weekly-review"
    DAILY_SUMMARY = "/daily-summary"
    WEEKLY_ANALYSIS = "/weekly-analysis"


class Wire(BaseModel):
    """A body of CCT: immutable, read by its wire names, built in tests by ours."""

    model_config = ConfigDict(
        frozen=True, populate_by_name=True, alias_generator=to_camel, allow_inf_nan=False
    )


class CanaryConfig(Wire):
    """
    One route's canary: whether it is on and its share of the route's traffic (0 to 100 %).

    A ``percentage`` of None is CCT's answer to a share that was no number: it stored that.
    """

    enabled: bool
    percentage: float | None = Field(ge=0, le=100)
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None

    @property
    def serves(self) -> bool:
        """True if it gets any traffic."""
        return self.enabled and bool(self.percentage)

    @property
    def shown(self) -> str:
        """Say whether it is on and at which share."""
        share = "no number" if self.percentage is None else f"{self.percentage:g}"
        return f"{'on' if self.enabled else 'off'} at {share} %"


class CanaryStatus(Wire):
    """Every route's canary configuration."""

    routes: dict[str, CanaryConfig]


class RollbackAction(Wire):
    """The last action of auto-rollback, if there was one."""

    executed: bool
    canary_disabled: bool = False
    timestamp: AwareDatetime | None = None


class RollbackEvent(Wire):
    """One entry of CCT's rollback history; ``reason`` is its reasons joined with ``"; "``."""

    id: str
    timestamp: AwareDatetime
    endpoint: str
    reason: str
    rollback_action: RollbackAction


class SloMetrics(Wire):
    """The indicators inside an SLO status (its sample size stands beside them)."""

    availability_percent: float = Field(alias="availability")
    error_rate_percent: float = Field(alias="errorRate")
    p95_latency_ms: float = Field(alias="p95ResponseTime")


class Metrics(SloMetrics):
    """Service level indicators over a window; with ``sample_size`` 0 the others mean nothing."""

    sample_size: int = Field(ge=0)


class CanaryTraffic(Wire):
    """One route's canary and stable traffic since the canary's configuration last changed."""

    since: AwareDatetime
    percentage: float = Field(ge=0, le=100)
    canary: Metrics
    stable: Metrics


class CanaryMetrics(Wire):
    """Every route's traffic, canary beside stable."""

    routes: dict[str, CanaryTraffic]


class ConfiguredShare(Wire):
    """The share that a reset puts a route's canary back to."""

    percentage: float | None = Field(ge=0, le=100)


class SloThresholds(Wire):
    """The objectives of one route, and how much of them a canary is forgiven."""

    p95_latency_ms: float = Field(alias="p95ResponseTime")
    availability_percent: float = Field(alias="availability")
    error_rate_percent: float = Field(alias="errorRate")
    canary_error_rate_percent: float = Field(alias="canaryErrorRate")
    canary_latency_factor: float = Field(alias="canaryLatencyMultiplier")


class Compliance(StrEnum):
    """CCT's verdict on one objective: at the threshold, within 10 % of it, or beyond."""

    PASS = "PASS"  # noqa: S105 -- CCT's own word, not a password
    WARN = "WARN"
    FAIL = "FAIL"


class ComplianceStatus(Wire):
    """CCT's verdict on each objective of a route."""

    availability: Compliance
    error_rate: Compliance
    response_time: Compliance


class SloStatus(Wire):
    """One route's objectives over a window; ``sample_size`` 0 is unknown, never a breach."""

    endpoint: str
    current_metrics: SloMetrics
    thresholds: SloThresholds
    compliance_status: ComplianceStatus
    overall: str
    last_updated: AwareDatetime
    sample_size: int = Field(ge=0)


class SloBreach(Wire):
    """One alert of CCT's SLO monitor; ``type`` is response_time, error_rate or availability."""

    id: str
    type: str
    endpoint: str
    severity: str
    timestamp: AwareDatetime
    details: str


class RollbackThresholds(Wire):
    """Beyond which CCT's auto-rollback pulls a canary; the same for every route."""

    p95_latency_ms: float
    error_rate_percent: float
    availability_percent: float


class AutoRollback(Wire):
    """The setting that lets CCT pull canaries by itself."""

    enabled: bool


class CanaryRules(Wire):
    """The rules of CCT's auto-rollback, and the share that each route is configured for."""

    slo_thresholds: RollbackThresholds
    auto_rollback: AutoRollback
    routes: dict[str, ConfiguredShare] = {}


class Health(Wire):
    """The answer of CCT's health check; CCT's own status never degrades."""

    answered: bool
    status: str


class LimitClass(StrEnum):
    """The classes of admin requests, each with a limit per user; CCT calls them endpoints."""

    CANARY = "canaryManagement"
    EXEMPTIONS = "exemptionsManagement"
    BULK = "bulkOperations"
    CI = "ciOperations"


class RateLimit(Wire):
    """The number of requests that one user may make, and in what time."""

    max_requests: int = Field(ge=1)
    window_ms: int = Field(ge=1)


class LimitStatus(RateLimit):
    """One class: its limit, and how many users it counts and refuses at the moment."""

    endpoint: str
    active_users: int = Field(ge=0)
    blocked_users: int = Field(ge=0)


class LimitedUser(Wire):
    """One user in one class; ``requests_in_window`` counts what was asked, refused or not."""

    user: str
    endpoint: str
    requests_in_window: int = Field(ge=0)
    remaining: int = Field(ge=0)
    blocked: bool


class RateLimitStatus(Wire):
    """Every class and every user that is counted."""

    limits: tuple[LimitStatus, ...]
    users: tuple[LimitedUser, ...]


class RateLimitEvent(Wire):
    """One refusal."""

    id: str
    timestamp: AwareDatetime
    endpoint: str
    user: str
    path: str
    limit: int


class RateLimitConfig(Wire):
    """The limit of every class."""

    limits: dict[str, RateLimit]
