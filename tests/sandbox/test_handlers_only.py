"""What CCT really mounts, in every dialect, and what it answers for everything else."""

from __future__ import annotations

from typing import get_args

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Dialect


@pytest.mark.parametrize("path", ["canary/status", "canary/enable", "slo/status", "slo/nonsense"])
def test_bare_knows_no_guard_family(cct: httpx.Client, sandbox: SandboxControl, path: str) -> None:
    """In the bare dialect the router knows neither canary nor SLO."""
    sandbox.reset(dialect="bare")
    response = cct.get(path)

    assert response.status_code == 404
    body = response.json()
    assert (body["success"], body["error"], body["error_code"]) == (
        False,
        "Endpoint not found",
        "NOT_FOUND",
    )
    assert body["error_details"] == {"requested_path": f"/api/v1/{path}"}


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("bare", "exemptions/report"),
        ("bare", "rate-limit/status"),
        ("handlers-only", "rate-limit/status"),
        ("handlers-only", "slo/status"),
        ("runbook", "nonsense"),
    ],
)
def test_families_that_nobody_mounts(
    cct: httpx.Client, sandbox: SandboxControl, dialect: Dialect, path: str
) -> None:
    """A family that the router does not know is NOT_FOUND, with or without a key."""
    sandbox.reset(dialect=dialect)
    response = cct.get(path, headers={"X-API-Key": ""})

    assert (response.status_code, response.json()["error_code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "data/health",
        "data/symbols",
        "reports/pre-market",
        "sentiment/analysis",
        "cache/health",
        "security/status",
    ],
)
@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_the_data_is_served_in_all_dialects(
    cct: httpx.Client, sandbox: SandboxControl, dialect: Dialect, path: str
) -> None:
    """The data endpoints are there in every dialect."""
    sandbox.reset(dialect=dialect)

    assert cct.get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "beside"), [("data/health", "system"), ("cache/health", "assessment")]
)
def test_health_has_no_data(cct: httpx.Client, path: str, beside: str) -> None:
    """It keeps its status beside the envelope, at .system.status or .assessment.status."""
    body = cct.get(path).json()

    assert "data" not in body
    assert body[beside]["status"] == "healthy"


def test_symbols_are_inside_an_object(cct: httpx.Client) -> None:
    """data/symbols lists ten symbols below .data.symbols."""
    data = cct.get("data/symbols").json()["data"]

    assert (len(data["symbols"]), data["count"]) == (10, 10)


def test_symbols_are_only_read(cct: httpx.Client) -> None:
    """data/symbols is the one endpoint that looks at the method."""
    response = cct.post("data/symbols")

    assert (response.status_code, response.json()["error_code"]) == (405, "METHOD_NOT_ALLOWED")


def test_a_report_can_fail_inside_a_success(cct: httpx.Client) -> None:
    """reports/pre-market answers 200 around an inner failure, marked as cached."""
    body = cct.get("reports/pre-market").json()

    assert (body["success"], body["cached"], body["data"]["success"]) == (True, True, False)


def test_sentiment_is_about_the_symbols_asked_for(cct: httpx.Client) -> None:
    """sentiment/analysis answers for the symbols of the query."""
    data = cct.get("sentiment/analysis", params={"symbols": "aapl, MSFT"}).json()["data"]

    assert data["symbols"] == ["AAPL", "MSFT"]


def test_security_status_shows_the_limits(cct: httpx.Client) -> None:
    """security/status is the one view of the request limits."""
    data = cct.get("security/status").json()["data"]

    assert data["config"]["ipRequestsPerMinute"] == 30
    assert data["lockedOutIPs"] == 0


def test_the_root_copies_what_describes_it(cct: httpx.Client) -> None:
    """Title, version, status and description stand in .data and at the root."""
    body = cct.get(str(cct.base_url).rstrip("/")).json()

    assert body["title"] == body["data"]["title"]
    assert body["version"] == body["data"]["version"]


def test_every_answer_has_the_worker_headers(cct: httpx.Client) -> None:
    """Request id and versions are on every answer, rate limit headers on none that succeeds."""
    headers = cct.get("canary/status").headers

    assert headers["X-Request-ID"].startswith("req_")
    assert headers["X-API-Version"] == "v1"
    assert headers["X-Enhanced-System"] == "true"
    assert headers["X-Migration-Reason"] == "Default to new API"
    assert not [name for name in headers if name.startswith("x-ratelimit")]


def test_an_unknown_page(sandbox: SandboxControl) -> None:
    """Outside the API the 404 has a shape of its own."""
    response = httpx.get(f"{sandbox.base_url}/nowhere", trust_env=False)

    assert response.status_code == 404
    assert response.json()["requested_path"] == "/nowhere"
    assert "error_code" not in response.json()


def test_an_unusual_method(cct: httpx.Client) -> None:
    """Methods that CCT does not know are 400."""
    assert cct.patch("data/health").status_code == 400
