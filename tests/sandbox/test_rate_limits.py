"""The rate limit family: who is counted, who was refused, and what changes that."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from tests.sandbox.wire import payload

CANARY = "canaryManagement"


def users(cct: httpx.Client) -> dict[str, Any]:
    """Read who is counted, by name."""
    return {user["user"]: user for user in payload(cct.get("rate-limit/status"))["users"]}


def set_limit(cct: httpx.Client, most: object) -> httpx.Response:
    """Set the canary class."""
    body = {"endpoint": CANARY, "maxRequests": most, "windowMs": 60_000}
    return cct.post("rate-limit/config", json=body)


def test_a_raised_limit_lets_a_user_in(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.demand("ci-bot", 80)
    assert users(cct)["ci-bot"]["blocked"]

    assert payload(set_limit(cct, 100))["limits"][CANARY]["maxRequests"] == 100

    assert not users(cct)["ci-bot"]["blocked"]
    assert sandbox.state().rate_limits.limits[CANARY].max_requests == 100


@pytest.mark.parametrize("most", [0, -1, "many", None, True])
def test_a_limit_must_be_a_number(cct: httpx.Client, sandbox: SandboxControl, most: object) -> None:
    assert set_limit(cct, most).status_code == 400
    assert sandbox.state().rate_limits.limits[CANARY].max_requests == 50


def test_resetting_helps_one_starved_user(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Clearing helps all of them; a user must be named to be reset."""
    for user in ("ann", "ben", "cat"):
        sandbox.demand(user, 40, starved=True)

    cct.post("rate-limit/reset", params={"user": "ann"})
    assert sandbox.state().rate_limits.starved == ["ben", "cat"]
    assert cct.post("rate-limit/reset").json()["error_code"] == "MISSING_USER"
    cct.post("rate-limit/clear")
    assert sandbox.state().rate_limits.starved == []


def test_events_are_the_refusals_of_some_hours(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Newest first, each with its user, class and path."""
    sandbox.demand("ci-bot", 80, refusals=3, over_minutes=180)

    newest, older = payload(cct.get("rate-limit/events", params={"hours": 1.5}))["events"]

    assert newest["timestamp"] > older["timestamp"]
    assert (newest["user"], newest["endpoint"], newest["limit"]) == ("ci-bot", CANARY, 50)


def test_a_real_429_is_an_event(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The caller is named without showing its key, and its tokens come back with a clear."""
    for number in range(51):
        last = cct.get("canary/status", headers={"X-Client-IP": f"192.0.2.{number}"})
    assert last.status_code == 429

    (event,) = payload(cct.get("rate-limit/events"))["events"]
    assert "sandbox-key" not in event["user"]
    assert users(cct)[event["user"]]["blocked"]
    cct.post("rate-limit/reset", params={"user": event["user"]})
    assert cct.get("canary/status", headers={"X-Client-IP": "192.0.2.99"}).status_code == 200
