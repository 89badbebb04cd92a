"""CCT's admission of requests: its windows, its keys, and the lockout after wrong ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cct_ops.sandbox.envelope import Reply, error
from cct_ops.sandbox.limits import SlidingWindow, address

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
