"""The inputs and outputs of the control API, for its server and its client."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from cct_ops.models.cct import Route
from cct_ops.sandbox.incidents import Metric

Dialect = Literal["runbook", "handlers-only", "bare"]
Actor = Literal["person", "cct"]
LimitName = Literal["canaryManagement", "exemptionsManagement", "bulkOperations", "ciOperations"]


WINDOW_MS = 60_000


class Strict(BaseModel):
    """An immutable input that refuses fields it does not know: a typo must not pass as a no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reset(Strict):
    """Back to a pristine sandbox; what is left out is as the process was started."""

    dialect: Dialect | None = None
    limits: bool | None = None


class SetCanary(Strict):
    """A route's canary, set from outside the API; ``actor`` is noted in the state only."""

    route: Route
    enabled: bool
    percentage: float = Field(ge=0, le=100)
    actor: Actor = "person"


class RollBack(Strict):
    """CCT's auto-rollback pulls a route's canary; with ``breach_over`` false the breach goes on."""

    route: Route
    metric: Metric
    observed: float
    threshold: float
    minutes_ago: float = Field(default=0, ge=0)
    breach_over: bool = True


class Expire(Strict):
    """A route's configuration falls back to the default, as it does 3600 s after a write."""

    route: Route


class Indicators(Strict):
    """The indicators of one side of a route that are to change."""

    p95_latency_ms: float | None = Field(default=None, ge=0)
    error_rate_percent: float | None = Field(default=None, ge=0, le=100)
    availability_percent: float | None = Field(default=None, ge=0, le=100)

    def given(self) -> dict[Metric, float]:
        """Return what is to change."""
        return self.model_dump(exclude_none=True)  # type: ignore[return-value]  # names are Metric


class SetProfile(Strict):
    """A route's traffic from now on; what is left out stays."""

    route: Route
    canary: Indicators = Indicators()
    stable: Indicators = Indicators()
    requests_per_second: float | None = Field(default=None, ge=0)
    slo_sample_size: int | None = Field(default=None, ge=0)
    canary_gets_percent: float | None = Field(default=None, ge=0, le=100)


class SetValue(Strict):
    """The value of one thing, in a family that keeps one for each."""

    family: str
    thing: str
    value: str


class Advance(Strict):
    """So much time passes at once."""

    advance_seconds: float = Field(ge=0)


class SetOff(Strict):
    """CCT's own clock goes wrong by so many seconds, ahead or behind; 0 sets it right."""

    seconds: float


class SetChaos(Strict):
    """
    The environment and auto-rollback of this CCT; what is left out stays.

    A canary that breaches for ``rolls_back_after_seconds`` is pulled; CCT's own auto-rollback never
    wakes, and a long time plays that. ``monitored`` false mutes the SLO monitor, which then
    records no injected breach.
    """

    environment: str | None = None
    rolls_back_after_seconds: float | None = Field(default=None, ge=0)
    monitored: bool | None = None


class Fault(Strict):
    """
    Something that goes wrong with requests below ``path``, for the next ``count`` or until cleared.

    With ``header`` only requests that carry a header of that name are concerned.
    ``probability`` and ``seed`` make it apply to some requests only, the same ones in every run.
    ``drop_writes``, ``read_lag_seconds``, ``apply_then_hang`` and ``apply_then_status`` apply
    to writes only: the write is answered 200 and forgotten; reads see it that much later; it is
    applied and never answered; it is applied and answered with that error.
    ``malformed`` is the dotted way to a field of a 200 answer (``data.data.routes``), which then
    has the wrong type or is missing.
    """

    path: str = Field(default="/api/v1/", pattern="^/(api/v1|slack|github|status-page)(/|$)")
    count: int | None = Field(default=None, ge=1)
    header: str | None = None
    probability: float = Field(default=1, gt=0, le=1)
    seed: int = 0

    latency_ms: float | None = Field(default=None, gt=0)
    error_status: int | None = Field(default=None, ge=400, le=599)
    too_many_requests_retry_after: str | None = None
    runtime_failure: bool = False
    timeout: bool = False
    drop_writes: bool = False
    read_lag_seconds: float | None = Field(default=None, gt=0)
    apply_then_hang: bool = False
    apply_then_status: int | None = Field(default=None, ge=400, le=599)
    malformed: str | None = None
    malformed_as: Literal["wrong_type", "missing"] = "wrong_type"

    @property
    def concerns_writes_only(self) -> bool:
        """True if reads are not affected."""
        return bool(
            self.drop_writes
            or self.read_lag_seconds
            or self.apply_then_hang
            or self.apply_then_status
        )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        selection = {"path", "count", "header", "probability", "seed", "malformed_as"}
        if not any(self.model_dump(exclude=selection).values()):
            raise ValueError("this fault does nothing: set one of its effects")
        return self


class SetFaults(RootModel[tuple[Fault, ...]]):
    """All faults from now on."""


class SeenRequest(BaseModel):
    """One request that CCT's API saw; ``status`` is None as long as nothing was answered."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: Any
    traceparent: str | None = None
    status: int | None = None
    write: bool = False


class Message(Strict):
    """
    One message in Slack or on the status page, with the headers that are kept of the latter.

    In Slack it is from a webhook as it came, or from a bot as it stands now: that one's body has
    ``channel``, ``ts``, ``edits`` and, in a thread, ``thread_ts``.
    """

    at: datetime
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = Field(default_factory=dict)


class RouteState(Strict):
    """The truth about one route, whatever reads see at the moment."""

    enabled: bool
    percentage: float | None
    metadata: dict[str, str]
    configured_percentage: float | None
    since: datetime
    changed_by: str


class SeedExemption(Strict):
    """One stored record; ``days_left`` is negative for one whose date is past."""

    file: str = "src/app.ts"
    line: int = 1
    pattern: str = "no-any"
    jira_reference: str = "OPS-1"
    owner: str = "alice@example.com"
    days_left: float = 60
    status: str = Field(default="active", pattern="^(active|expired|revoked)$")


class SeedExemptions(Strict):
    """
    All records, and what is wrong with the system around them.

    ``count_drift`` is by how much the report's count of active records is off; ``hasty_days`` lets
    CCT's cleanup also take records whose date is so many days ahead.
    """

    records: tuple[SeedExemption, ...] = ()
    list_lost: bool = False
    count_drift: int = 0
    hasty_days: float = Field(default=0, ge=0)
    jira_down: bool = False


class ExemptionsState(Strict):
    """The truth about all records, as CCT shows them, and their list."""

    records: dict[str, dict[str, Any]]
    list_lost: bool
    count_drift: int

    def statuses(self) -> dict[str, str]:
        """Return each record's status by its JIRA reference."""
        return {record["jiraReference"]: record["status"] for record in self.records.values()}


class SeedDemand(Strict):
    """
    The demand of one user on one class, and how often it was refused in the last minutes.

    A starved user is refused however little it asks.
    """

    user: str
    limit: LimitName = "canaryManagement"
    path: str = "/api/v1/canary/status"
    requests_per_minute: float = Field(ge=0)
    starved: bool = False
    refusals: int = Field(default=0, ge=0)
    over_minutes: float = Field(default=10, gt=0)


class Limit(Strict):
    """The number of requests that one user may make in one class, and in what time."""

    max_requests: int
    window_ms: int = WINDOW_MS

    def wire(self) -> dict[str, int]:
        """Render as CCT's limiter configuration."""
        return {"maxRequests": self.max_requests, "windowMs": self.window_ms}


class RateLimitsState(Strict):
    """The truth about the admin limiter."""

    limits: dict[str, Limit]
    starved: list[str]


class SandboxState(Strict):
    """The truth about CCT: everything that a write can change."""

    dialect: Dialect
    limits: bool
    auto_rollback_enabled: bool
    slo_thresholds: dict[str, float]
    routes: dict[str, RouteState]
    rollbacks: int
    breaches: int
    exemptions: ExemptionsState
    rate_limits: RateLimitsState
    chaos_faults: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
