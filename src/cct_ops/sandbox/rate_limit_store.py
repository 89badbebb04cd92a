"""
CCT's admin limiter as a whole: its classes, who is counted, and whom it refused.

Besides the callers that really come, there are users of whom only their demand is known: they stand
for the traffic that an operator would see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from uuid import uuid4

from cct_ops.sandbox.canary_store import Lagged
from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json, Reply
from cct_ops.sandbox.faults import Effects
from cct_ops.sandbox.inputs import WINDOW_MS, Limit, SeedDemand
from cct_ops.sandbox.limits import CANARY_LIMIT, EXEMPTION_LIMIT, TokenBucket

REQUESTS_PER_WINDOW = {
    CANARY_LIMIT: 50,
    EXEMPTION_LIMIT: 30,
    "bulkOperations": 10,
    "ciOperations": 20,
}


class RateLimits:
    """The limiter's state, as written and as seen."""

    def __init__(self, clock: Clock) -> None:
        limits = {name: Limit(max_requests=count) for name, count in REQUESTS_PER_WINDOW.items()}
        self._limits: Lagged[Mapping[str, Limit]] = Lagged(limits, clock)
        self._buckets = {name: TokenBucket() for name in REQUESTS_PER_WINDOW}
        self.demands: list[SeedDemand] = []
        self.refusals: list[tuple[float, Json]] = []

    @property
    def written(self) -> Mapping[str, Limit]:
        """The limits that hold."""
        return self._limits.latest

    @property
    def seen(self) -> Mapping[str, Limit]:
        """The limits that reads see."""
        return self._limits.visible

    def admit(self, limit: str, path: str, headers: Mapping[str, str], now: float) -> Reply | None:
        """Count a request, or refuse it and put that on record."""
        refusal = self._buckets[limit].check(self.written[limit], headers, now)
        if refusal is not None:
            self.record_refusal(now, limit, _name(headers.get("x-api-key") or "anonymous"), path)
        return refusal

    def record_refusal(self, at: float, limit: str, user: str, path: str) -> None:
        """Put one 429 on record, as CCT shows it among its events."""
        event = {
            "id": str(uuid4()),
            "timestamp": iso(at),
            "endpoint": limit,
            "user": user,
            "path": path,
            "limit": self.written[limit].max_requests,
        }
        self.refusals.append((at, event))

    def set_limit(self, name: str, limit: Limit, effects: Effects) -> None:
        """Change one class; it holds at once and shows when the request's faults let it."""
        self._limits.put({**self.written, name: limit}, effects)

    def forget(self, user: str | None) -> int:
        """Forget what was counted of one user, or of all; returns of how many."""
        forgotten = 0
        for bucket in self._buckets.values():
            gone = [key for key in bucket.buckets if user in (None, _name(key.partition(":")[0]))]
            forgotten += len(gone)
            for key in gone:
                del bucket.buckets[key]
        concerned = [demand for demand in self.demands if user in (None, demand.user)]
        self.demands = [
            demand.model_copy(update={"starved": False}) if demand in concerned else demand
            for demand in self.demands
        ]
        return forgotten + len(concerned)

    def users(self) -> Iterator[Json]:
        """Yield everyone who is counted: how much they asked, and whether they are refused."""
        limits = self.seen
        for demand in self.demands:
            limit = limits[demand.limit]
            asked = round(demand.requests_per_minute * limit.window_ms / WINDOW_MS)
            left = 0 if demand.starved else max(limit.max_requests - asked, 0)
            blocked = demand.starved or asked > limit.max_requests
            yield _user(demand.user, demand.limit, asked, left, blocked=blocked)
        for name, bucket in self._buckets.items():
            for key, (tokens, _) in bucket.buckets.items():
                user, asked = _name(key.partition(":")[0]), self.written[name].max_requests - tokens
                yield _user(user, name, asked, tokens, blocked=tokens < 1)


def _user(user: str, limit: str, asked: int, left: int, *, blocked: bool) -> Json:
    return {
        "user": user,
        "endpoint": limit,
        "requestsInWindow": asked,
        "remaining": left,
        "blocked": blocked,
    }


def _name(key: str) -> str:
    """Name a caller without showing the key."""
    return f"key-{sha256(key[:32].encode()).hexdigest()[:8]}"
