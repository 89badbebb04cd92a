"""CCT's two limiters, with their defects."""

from __future__ import annotations

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl


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
    """Its error is an object, and its headers tell limit, reset and policy."""
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
    """A call a second never earns a token, though the rate allows 50 a minute."""
    exhaust_admin_limiter(cct)
    codes = set()
    for number in range(10):
        sandbox.advance_clock(1)
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
