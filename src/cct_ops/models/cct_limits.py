"""CCT's admin limiter: its classes, the users it counts, and those it refused."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from cct_ops.models.cct import Wire


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
