"""The rate limit family, which only the runbook names: to look at the limiter and to set it."""

from __future__ import annotations

from typing import TypeGuard

from cct_ops.sandbox.envelope import Json, Reply, admin, error
from cct_ops.sandbox.inputs import Limit
from cct_ops.sandbox.world import Call, Family, Verb

SERVICE = "rate-limit-management"
LARGEST = 10_000
LONGEST_WINDOW_MS = 3_600_000


def status(call: Call) -> Reply:
    """Answer every class and every user that is counted."""
    store = call.world.rate_limits
    users = list(store.users())
    limits = [
        {
            "endpoint": name,
            **limit.wire(),
            "activeUsers": sum(user["endpoint"] == name for user in users),
            "blockedUsers": sum(user["endpoint"] == name and user["blocked"] for user in users),
        }
        for name, limit in store.seen.items()
    ]
    return admin(call.now, {"limits": limits, "users": users}, service=SERVICE)


def events(call: Call) -> Reply:
    """Answer the refusals of the last ``hours`` (1 if absent), newest first."""
    since = call.now - call.number("hours", 1) * 3600
    refusals = sorted(call.world.rate_limits.refusals, key=lambda refusal: -refusal[0])
    newest = [event for at, event in refusals if at >= since]
    return admin(call.now, {"events": newest, "total": len(newest)}, service=SERVICE)


def read_config(call: Call) -> Reply:
    """Answer the limit of every class."""
    return admin(call.now, _config(call), service=SERVICE)


def write_config(call: Call) -> Reply:
    """Set the limit of one class."""
    given, store = call.json_object(), call.world.rate_limits
    if given is None or given.get("endpoint") not in store.written:
        return error(call.now, 400, "Unknown rate limit endpoint", "INVALID_ENDPOINT")
    most, window_ms = given.get("maxRequests"), given.get("windowMs")
    if not _is_count(most, LARGEST) or not _is_count(window_ms, LONGEST_WINDOW_MS):
        return error(call.now, 400, "maxRequests and windowMs must be positive", "INVALID_LIMIT")
    limit = Limit(max_requests=most, window_ms=window_ms)
    store.set_limit(given["endpoint"], limit, call.effects)
    return admin(call.now, _config(call), service=SERVICE)


def clear(call: Call) -> Reply:
    """Forget what was counted of everybody."""
    forgotten = 0 if call.effects.drop_writes else call.world.rate_limits.forget(None)
    return admin(call.now, {"cleared": forgotten}, service=SERVICE)


def reset(call: Call) -> Reply:
    """Forget what was counted of one user."""
    user = call.query.get("user")
    if not user:
        return error(call.now, 400, "User parameter is required", "MISSING_USER")
    forgotten = 0 if call.effects.drop_writes else call.world.rate_limits.forget(user)
    return admin(call.now, {"user": user, "cleared": forgotten}, service=SERVICE)


def _config(call: Call) -> Json:
    limits = call.world.rate_limits.seen
    return {"limits": {name: limit.wire() for name, limit in limits.items()}}


def _is_count(value: object, largest: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest


RUNBOOK = Family(
    "Rate limit endpoint not found",
    {
        "status": Verb(status),
        "events": Verb(events),
        "GET config": Verb(read_config),
        "config": Verb(write_config, writes=True),
        "clear": Verb(clear, writes=True),
        "reset": Verb(reset, writes=True),
    },
)
