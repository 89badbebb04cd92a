"""Injected faults act, are on record, and end by themselves or when somebody ends them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from tests.sandbox.wire import DAILY, config, payload, slo, traffic


def inject(cct: httpx.Client, mode: str = "all", **numbers: Any) -> httpx.Response:
    """Inject a fault for a minute."""
    body: dict[str, Any] = {"id": "f1", "mode": mode, "ttl_seconds": 60, **numbers}
    return cct.post("chaos/faults", json=body)


def listed(cct: httpx.Client) -> list[str]:
    """Read which faults are in effect."""
    return [fault["id"] for fault in cct.get("chaos/faults").json()["data"]["faults"]]


def test_errors_strike_what_the_mode_concerns_and_end_with_the_fault(cct: httpx.Client) -> None:
    assert inject(cct, "kv-partial", error_percent=100).status_code == 200

    assert cct.get("data/symbols").status_code == 503
    assert cct.get("sentiment/analysis").status_code == 200
    assert listed(cct) == ["f1"]
    assert cct.delete("chaos/faults/f1").json()["data"] == {"id": "f1", "removed": True}
    assert cct.get("data/symbols").status_code == 200
    assert cct.delete("chaos/faults/f1").json()["data"] == {"id": "f1", "removed": False}


def test_latency_is_added(cct: httpx.Client) -> None:
    inject(cct, "latency", latency_ms=300)

    assert cct.get("data/symbols").elapsed.total_seconds() >= 0.3


def test_a_timeout_answers_nothing(cct: httpx.Client) -> None:
    inject(cct, "circuit-breaker", timeout_percent=100)

    with pytest.raises(httpx.ReadTimeout):
        cct.get("sentiment/analysis", timeout=0.3)


def test_a_fault_ends_by_itself(cct: httpx.Client, sandbox: SandboxControl) -> None:
    inject(cct, error_percent=100)
    sandbox.advance_clock(61)

    assert listed(cct) == []
    assert cct.get("data/symbols").status_code == 200


def test_production_is_never_hurt(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.chaos(environment="production")

    assert inject(cct, error_percent=5).json()["error_code"] == "NOT_STAGING"
    assert cct.get("chaos/status").json()["data"] == {"environment": "production"}


@pytest.mark.parametrize("wrong", [{"error_percent": 101}, {"ttl_seconds": 0}, {"unknown": 1}])
def test_what_is_no_fault_is_refused(cct: httpx.Client, wrong: dict[str, Any]) -> None:
    assert inject(cct, **wrong).json()["error_code"] == "INVALID_FAULT"
    assert listed(cct) == []


def test_a_cct_without_the_family_says_so(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.reset(dialect="bare")

    assert cct.get("chaos/status").json()["error_code"] == "NOT_FOUND"


def test_pages_suffer_and_the_monitor_notices_unless_it_is_muted(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    inject(cct, "latency", latency_ms=5000)

    assert slo(cct, DAILY)["overall"] == "CRITICAL"
    assert traffic(cct, DAILY)["canary"]["sampleSize"] == 0
    assert cct.get("slo/breaches").json()["data"][0]["type"] == "response_time"

    sandbox.chaos(monitored=False)
    assert cct.get("slo/breaches").json()["data"] == []


@pytest.mark.parametrize("awake", [True, False])
def test_auto_rollback_pulls_a_breaching_canary_where_it_is_awake(
    cct: httpx.Client, sandbox: SandboxControl, awake: bool
) -> None:
    sandbox.set_canary(DAILY, 20)
    if awake:
        sandbox.chaos(rolls_back_after_seconds=30)
    inject(cct, "latency", latency_ms=5000)
    assert config(cct, DAILY)["enabled"]

    sandbox.advance_clock(31)

    assert config(cct, DAILY)["enabled"] is not awake
    assert len(payload(cct.get("canary/rollbacks"))["rollbacks"]) == awake
