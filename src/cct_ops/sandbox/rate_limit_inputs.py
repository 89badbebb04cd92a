"""What the control API takes and tells about rate limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cct_ops.sandbox.strict import Strict

LimitName = Literal["canaryManagement", "exemptionsManagement", "bulkOperations", "ciOperations"]


class SeedDemand(Strict):
    """What one user asks of one class, and how often it was refused in the last minutes."""

    user: str
    limit: LimitName = "canaryManagement"
    path: str = "/api/v1/canary/status"
    requests_per_minute: float = Field(ge=0)
    starved: bool = False
    refusals: int = Field(default=0, ge=0)
    over_minutes: float = Field(default=10, gt=0)


class LimitState(Strict):
    """The truth about one class."""

    max_requests: int
    window_ms: int


class RateLimitsState(Strict):
    """The truth about the admin limiter."""

    limits: dict[str, LimitState]
    starved: list[str]
