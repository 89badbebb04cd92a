"""Rate limits of the sandbox, set and kept."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from tests.sandbox.wire import payload


def from_address(number: int) -> dict[str, str]:
    """Come from an address that the admin limiter does not tell from others: it skips this one."""
    return {"X-Client-IP": f"192.0.2.{number}"}


def test_thirty_requests_a_minute_per_address(cct: httpx.Client) -> None:
    """The 31st request within a minute is 429 with seconds in Retry-After."""
    codes = {cct.get("data/symbols").status_code for _ in range(30)}
    response = cct.get("data/symbols")

    assert codes == {200}
    assert (response.status_code, response.json()["error_code"]) == (429, "IP_RATE_LIMIT_EXCEEDED")
    assert 50 <= int(response.headers["Retry-After"]) <= 60


def test_the_window_slides(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A request is possible again as soon as the oldest is a minute old."""
    cct.get("data/symbols")
    sandbox.advance_clock(50)
    for _ in range(29):
        cct.get("data/symbols")
    refused = cct.get("data/symbols").status_code
    sandbox.advance_clock(10)

    assert refused == 429
    assert cct.get("data/symbols").status_code == 200
    assert cct.get("data/symbols").status_code == 429


def test_404s_count(cct: httpx.Client) -> None:
    """Requests are counted before they are routed."""
    for _ in range(30):
        cct.get("nonsense")

    assert cct.get("data/symbols").status_code == 429


def test_health_is_not_counted(cct: httpx.Client) -> None:
    """data/health and the API's root are never limited."""
    root = str(cct.base_url).rstrip("/")
    codes = {cct.get(path).status_code for path in ("data/health", root) * 20}

    assert codes == {200}
    assert cct.get("data/symbols").status_code == 200


@pytest.mark.parametrize("header", ["CF-Connecting-IP", "X-Forwarded-For", "X-Real-IP"])
def test_the_address_is_what_a_header_says(cct: httpx.Client, header: str) -> None:
    """Another address has a window of its own; a chain of proxies counts as its first."""
    for _ in range(30):
        cct.get("data/symbols", headers={header: "192.0.2.1, 198.51.100.1"})

    assert cct.get("data/symbols", headers={header: "192.0.2.1"}).status_code == 429
    assert cct.get("data/symbols", headers={header: "192.0.2.2"}).status_code == 200


def test_seventy_requests_a_minute_per_key(cct: httpx.Client) -> None:
    """From however many addresses, a key has 70 requests."""
    for number in range(70):
        cct.get("data/symbols", headers=from_address(number))
    response = cct.get("data/symbols", headers=from_address(200))

    assert (response.status_code, response.json()["error_code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert response.json()["error_details"]["rateLimitStatus"]["maxRequests"] == 70


def exhaust_admin_limiter(cct: httpx.Client) -> httpx.Response:
    """Use up the canary tokens from many addresses and return the first refusal."""
    for number in range(100):  # more than the 50 that it holds: a pause in between earns some
        answer = cct.get("canary/status", headers=from_address(number))
        if answer.status_code == 429:
            return answer
    raise AssertionError("it never refused")


def test_the_admin_limiter_answers_in_its_own_shape(cct: httpx.Client) -> None:
    """Its error is an object, and its headers name limit, reset and policy."""
    refused = exhaust_admin_limiter(cct)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["limit"]) == (429, "RATE_LIMIT_EXCEEDED", 50)
    assert refused.headers["X-RateLimit-Policy"] == "token-bucket;w=60;r=50"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Reset"].endswith("Z")


def test_the_admin_limiter_sends_milliseconds(cct: httpx.Client) -> None:
    """Retry-After says 60000 and means a minute."""
    assert exhaust_admin_limiter(cct).headers["Retry-After"] == "60000"


def test_the_admin_limiter_starves_whoever_polls(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """Two calls a second never earn a token, though the rate allows 50 a minute."""
    exhaust_admin_limiter(cct)
    codes = set()
    for number in range(20):
        sandbox.advance_clock(0.5)  # a token takes 1.2 s, and a busy machine adds some of its own
        codes.add(cct.get("canary/status", headers=from_address(101 + number)).status_code)

    assert codes == {429}


def test_the_admin_limiter_rewards_silence(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Six seconds of silence earn five tokens."""
    exhaust_admin_limiter(cct)
    sandbox.advance_clock(6)
    codes = [cct.get("canary/status", headers=from_address(101 + n)).status_code for n in range(6)]

    assert codes == [200] * 5 + [429]


def test_limits_can_be_switched_off(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Without limits, any number of requests passes."""
    sandbox.reset(limits=False)

    assert {cct.get("canary/status").status_code for _ in range(60)} == {200}


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
