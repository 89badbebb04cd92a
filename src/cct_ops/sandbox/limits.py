"""
Limits who may come in: CCT's keys, the lockout after wrong ones, and its two request limiters.

The limiters have the defects that CCT's clients have to live with. The first counts every request
below ``/api/v1`` in a sliding minute, per address and then per key. The second is the token bucket
of the admin modules: it sends its ``Retry-After`` in milliseconds, and it starves whoever polls
faster than it refills.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Reply, error
from cct_ops.sandbox.inputs import WINDOW_MS, Limit

CANARY_LIMIT, EXEMPTION_LIMIT = "canaryManagement", "exemptionsManagement"
ADDRESS_HEADERS = ("cf-connecting-ip", "x-forwarded-for", "x-real-ip", "x-client-ip")
ADMIN_ADDRESS_HEADERS = ADDRESS_HEADERS[:3]


def address(headers: Mapping[str, str], names: tuple[str, ...] = ADDRESS_HEADERS) -> str:
    """Return the caller's address as CCT believes it: from the headers only."""
    for name in names:
        if value := headers.get(name):
            return value.split(",")[0].strip()
    return "unknown"


@dataclass
class SlidingWindow:
    """At most so many requests per caller in any 60 s; refused ones do not count."""

    max_requests: int
    seen: dict[str, list[float]] = field(default_factory=dict)

    def retry_after_ms(self, caller: str, now: float) -> float | None:
        """Count a request, or return in how many milliseconds the next one may come."""
        recent = [at for at in self.seen.get(caller, []) if (now - at) * 1000 < WINDOW_MS]
        self.seen[caller] = recent
        if len(recent) < self.max_requests:
            recent.append(now)
            return None
        return WINDOW_MS - (now - recent[0]) * 1000

    def status(self, caller: str, retry_after_ms: float) -> dict[str, float]:
        """Return CCT's answer to a refused caller about its window."""
        used = len(self.seen.get(caller, []))
        return {
            "requestsInWindow": used,
            "maxRequests": self.max_requests,
            "windowMs": WINDOW_MS,
            "remaining": self.max_requests - used,
            "retryAfter": math.ceil(retry_after_ms),
        }


@dataclass
class TokenBucket:
    """One class of the admin limiter: so many tokens per window for each key and address."""

    buckets: dict[str, tuple[int, int]] = field(default_factory=dict)

    def check(self, limit: Limit, headers: Mapping[str, str], now: float) -> Reply | None:
        """Take a token, or answer 429 in the limiter's own shape."""
        key = headers.get("x-api-key") or "anonymous"
        caller = f"{key[:32]}:{address(headers, ADMIN_ADDRESS_HEADERS)[:16]}"
        now_ms = int(now * 1000)
        tokens, refilled_at = self.buckets.get(caller, (limit.max_requests, now_ms))
        # CCT's defect, kept: the refill is rounded down and the clock restarts at every call, so
        # calls closer together than 1.2 s never earn a token.
        refill = (now_ms - refilled_at) * limit.max_requests // limit.window_ms
        tokens = min(limit.max_requests, tokens + refill)
        allowed = tokens >= 1
        self.buckets[caller] = (tokens - 1 if allowed else tokens, now_ms)
        return None if allowed else _no_token(limit, now_ms)


def _no_token(limit: Limit, now_ms: int) -> Reply:
    reset_ms = now_ms + limit.window_ms
    body = {
        "success": False,
        "error": {
            "code": "RATE_LIMIT_EXCEEDED",
            "message": "Too many requests. Please try again later.",
            "retryAfter": limit.window_ms,
            "limit": limit.max_requests,
            "resetTime": reset_ms,
        },
        "metadata": {
            "timestamp": iso(now_ms / 1000),
            "endpoint": "rate_limit",
            "service": "admin_api",
        },
    }
    policy = f"token-bucket;w={limit.window_ms // 1000};r={limit.max_requests}"
    headers = {
        "X-RateLimit-Limit": str(limit.max_requests),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": iso(reset_ms / 1000),
        "X-RateLimit-Policy": policy,
        "Retry-After": str(limit.window_ms),  # CCT's defect: milliseconds where seconds belong
    }
    return Reply(429, body, headers)


MAX_FAILURES = 5
FAILURE_WINDOW_SECONDS = 60
LOCKOUT_SECONDS = 900


@dataclass
class Gate:
    """Checks callers before anything is routed, and keys once a protected path is known."""

    api_keys: frozenset[str]
    per_address: SlidingWindow = field(default_factory=lambda: SlidingWindow(30))
    per_key: SlidingWindow = field(default_factory=lambda: SlidingWindow(70))
    failures: list[tuple[float, str]] = field(default_factory=list)
    locked_keys: dict[str, float] = field(default_factory=dict)
    locked_addresses: dict[str, float] = field(default_factory=dict)

    def admit(
        self, headers: Mapping[str, str], now: float, request_id: str, *, limits: bool
    ) -> Reply | None:
        """Refuse whoever is locked out or over a limit; the address is looked at first."""
        caller, key = address(headers), headers.get("x-api-key")

        locked = self.locked_addresses.get(caller, 0) - now
        wait_ms = locked * 1000 if locked > 0 else None
        if wait_ms is None and limits:
            wait_ms = self.per_address.retry_after_ms(caller, now)
        if wait_ms is not None:
            message, code = "IP rate limit exceeded", "IP_RATE_LIMIT_EXCEEDED"
            return _refusal(now, 429, message, code, wait_ms, request_id)

        if not key:
            return None
        locked = self.locked_keys.get(key, 0) - now
        if locked > 0:
            message = "API key temporarily locked due to repeated failures"
            return _refusal(now, 423, message, "API_KEY_LOCKED_OUT", locked * 1000, request_id)
        wait_ms = self.per_key.retry_after_ms(key, now) if limits else None
        if wait_ms is None:
            return None
        message, code = "API rate limit exceeded", "RATE_LIMIT_EXCEEDED"
        status = {"rateLimitStatus": self.per_key.status(key, wait_ms)}
        return _refusal(now, 429, message, code, wait_ms, request_id, status)

    def check_key(self, headers: Mapping[str, str], now: float, request_id: str) -> Reply | None:
        """Answer 401 without a valid key; a wrong key counts towards a lockout, none does not."""
        key = headers.get("x-api-key")
        if key in self.api_keys:
            return None
        if key:
            self._count_failure(key, address(headers), now)
        details = {"requestId": request_id}
        return error(now, 401, "Invalid or missing API key", "UNAUTHORIZED", details)

    def _count_failure(self, key: str, caller: str, now: float) -> None:
        self.failures.append((now, key))
        recent = [at for at, k in self.failures if k == key and now - at < FAILURE_WINDOW_SECONDS]
        if len(recent) >= MAX_FAILURES:
            self.locked_keys[key] = now + LOCKOUT_SECONDS
            self.locked_addresses[caller] = now + LOCKOUT_SECONDS


def _refusal(
    now: float,
    status: int,
    message: str,
    code: str,
    wait_ms: float,
    request_id: str,
    more: dict[str, Any] | None = None,
) -> Reply:
    seconds = math.ceil(wait_ms / 1000)
    details = {"requestId": request_id, "retryAfter": seconds} | (more or {})
    reply = error(now, status, message, code, details)
    return replace(reply, headers={"Retry-After": str(seconds)})
