"""Traffic follows from profiles, shares and time, and from nothing else."""

from __future__ import annotations

import httpx
import pytest

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from tests.sandbox.wire import DAILY, PRE_MARKET, slo, traffic


def test_samples_count_from_the_last_change(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The canary gets its share of 50 requests a second since it was changed, stable the rest."""
    sandbox.advance_clock(500)
    sandbox.set_canary(DAILY, 20)
    sandbox.advance_clock(100)
    seen = traffic(cct, DAILY)

    assert seen["percentage"] == 20
    assert seen["canary"]["sampleSize"] == pytest.approx(1000, abs=30)
    assert seen["stable"]["sampleSize"] == pytest.approx(4000, abs=120)


def test_a_canary_that_is_off_gets_no_samples(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Without samples, CCT shows a total outage; only the sample size shows that it is none."""
    sandbox.advance_clock(100)
    canary = traffic(cct, DAILY)["canary"]

    assert canary["sampleSize"] == 0
    assert (canary["availability"], canary["errorRate"], canary["p95ResponseTime"]) == (0, 100, 0)


def test_a_profile_is_what_samples_show(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Each side shows its own profile, and what was not changed stays healthy."""
    sandbox.set_canary(DAILY, 50)
    sandbox.profile(DAILY, canary={"p95_latency_ms": 9000}, stable={"error_rate_percent": 0.3})
    sandbox.advance_clock(10)
    seen = traffic(cct, DAILY)

    assert (seen["canary"]["p95ResponseTime"], seen["stable"]["errorRate"]) == (9000, 0.3)
    assert seen["stable"]["p95ResponseTime"] == 900


def test_the_request_rate_can_be_set(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A route without requests has no samples on either side."""
    sandbox.set_canary(DAILY, 50)
    sandbox.profile(DAILY, requests_per_second=0)
    sandbox.advance_clock(100)

    assert traffic(cct, DAILY)["stable"]["sampleSize"] == 0


def test_slo_status_lists_the_six_routes_nested_once(cct: httpx.Client) -> None:
    """The list of routes is .data itself, and all are healthy by default."""
    listed = cct.get("slo/status").json()["data"]

    assert [status["endpoint"] for status in listed] == [str(route) for route in Route]
    assert {status["overall"] for status in listed} == {"HEALTHY"}


def test_slo_thresholds_are_those_of_the_route(cct: httpx.Client) -> None:
    """Each route has CCT's built-in thresholds."""
    assert slo(cct, PRE_MARKET)["thresholds"] == {
        "p50ResponseTime": 500,
        "p90ResponseTime": 1000,
        "p95ResponseTime": 1500,
        "p99ResponseTime": 3000,
        "availability": 99.9,
        "errorRate": 0.1,
        "canaryErrorRate": 0.5,
        "canaryLatencyMultiplier": 1.5,
    }


def test_slo_sample_size_follows_the_window(cct: httpx.Client) -> None:
    """The window's samples are the request rate times its length."""
    assert slo(cct, DAILY)["sampleSize"] == 50 * 3600
    assert slo(cct, DAILY, windowMin="10")["sampleSize"] == 50 * 600


@pytest.mark.parametrize(
    ("p95", "verdict", "overall"),
    [(1800, "PASS", "HEALTHY"), (1900, "WARN", "WARNING"), (2000, "FAIL", "CRITICAL")],
)
def test_verdicts(
    cct: httpx.Client, sandbox: SandboxControl, p95: float, verdict: str, overall: str
) -> None:
    """At the threshold it passes, within 10 % of it it warns, beyond that it fails."""
    sandbox.profile(DAILY, stable={"p95_latency_ms": p95})
    seen = slo(cct, DAILY)

    assert (seen["complianceStatus"]["responseTime"], seen["overall"]) == (verdict, overall)


def test_no_samples_read_as_critical(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Sample size 0 gives availability 0, error rate 100, p95 0: CRITICAL, and no breach."""
    sandbox.profile(DAILY, slo_sample_size=0)
    seen = slo(cct, DAILY)

    assert (seen["sampleSize"], seen["overall"]) == (0, "CRITICAL")
    assert seen["currentMetrics"]["p95ResponseTime"] == 0
    assert seen["complianceStatus"]["responseTime"] == "PASS"


def test_a_bad_canary_shows_in_the_window_while_it_is_on(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """The window shows the canary's value where the canary is on and misses the objective."""
    sandbox.profile(DAILY, canary={"p95_latency_ms": 9000})
    before = slo(cct, DAILY)["overall"]
    sandbox.set_canary(DAILY, 20)
    after = slo(cct, DAILY)

    assert before == "HEALTHY"
    assert (after["currentMetrics"]["p95ResponseTime"], after["overall"]) == (9000, "CRITICAL")


def test_there_are_never_any_alerts(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """slo/alerts is always empty, as in CCT."""
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000)

    assert cct.get("slo/alerts").json()["data"] == []


def test_a_strange_window_is_the_default(cct: httpx.Client) -> None:
    """A window that is no positive number counts as absent."""
    assert slo(cct, DAILY, windowMin="wide")["sampleSize"] == 50 * 3600
    assert slo(cct, DAILY, windowMin="-1")["sampleSize"] == 50 * 3600


def test_an_unknown_slo_verb(cct: httpx.Client) -> None:
    """The SLO family knows its verbs."""
    response = cct.get("slo/nonsense")

    assert (response.status_code, response.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
