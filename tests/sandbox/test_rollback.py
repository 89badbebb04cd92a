"""Auto-rollback leaves the traces that the contract describes, and no others."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.incidents import Metric
from tests.sandbox.wire import DAILY, PRE_MARKET, config, payload, slo


def test_a_rollback_looks_like_a_manual_disable(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The configuration of a pulled canary has the same fields as one that a person disabled."""
    sandbox.set_canary(PRE_MARKET, 20)
    sandbox.set_canary(PRE_MARKET, 0, enabled=False)
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000)

    pulled, manual = config(cct, DAILY), config(cct, PRE_MARKET)
    assert (pulled["enabled"], pulled["percentage"]) == (False, 0)
    assert set(pulled["metadata"]) == set(manual["metadata"])
    assert pulled["metadata"]["disabled_by"] == manual["metadata"]["disabled_by"]


def test_a_rollback_is_on_record(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """canary/rollbacks has the event with its reason and what was done."""
    sandbox.roll_back(DAILY, "error_rate_percent", observed=7.5, threshold=2)
    answer = payload(cct.get("canary/rollbacks"))

    (event,) = answer["rollbacks"]
    assert answer["total"] == 1
    assert event["endpoint"] == DAILY
    assert event["reason"] == "Error rate: 7.5% > 2%"
    assert event["sloMetrics"]["errorRatePercent"] == 7.5
    assert event["rollbackAction"]["canaryDisabled"] is True
    assert event["policy"]["cooldown"]["rollbackCooldownMinutes"] == 30


def test_history_is_newest_first_and_limited(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """canary/history gives the newest events, at most ``limit`` of them."""
    for minutes in (10, 30, 20):
        sandbox.roll_back(
            DAILY, "p95_latency_ms", observed=minutes, threshold=5, minutes_ago=minutes
        )
    answer = payload(cct.get("canary/history", params={"limit": "2"}))

    assert [event["sloMetrics"]["p95LatencyMs"] for event in answer["events"]] == [10, 20]
    assert answer["total"] == 3


def test_reset_after_a_rollback_returns_to_the_share_before(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """A canary that was on at 35 % comes back at 35 %; one that nobody had set, at 20 %."""
    sandbox.set_canary(DAILY, 35)
    for route in (DAILY, PRE_MARKET):
        sandbox.roll_back(route, "p95_latency_ms", observed=6200, threshold=5000)
        cct.post("canary/reset", params={"route": route})

    assert (config(cct, DAILY)["percentage"], config(cct, PRE_MARKET)["percentage"]) == (35, 20)


@pytest.mark.parametrize(
    ("metric", "observed", "kind"),
    [
        ("p95_latency_ms", 6200, "response_time"),
        ("error_rate_percent", 9, "error_rate"),
        ("availability_percent", 80, "availability"),
    ],
)
def test_a_breach_is_on_record(
    cct: httpx.Client, sandbox: SandboxControl, metric: Metric, observed: float, kind: str
) -> None:
    """slo/breaches has the breach behind a rollback, by its type."""
    sandbox.roll_back(DAILY, metric, observed=observed, threshold=5000)

    (breach,) = cct.get("slo/breaches", params={"hours": "1"}).json()["data"]
    assert (breach["type"], breach["endpoint"], breach["severity"]) == (kind, DAILY, "CRITICAL")


@pytest.mark.parametrize(
    ("metric", "observed"),
    [("p95_latency_ms", 6200), ("error_rate_percent", 9), ("availability_percent", 80)],
)
def test_a_breach_fails_its_window(
    cct: httpx.Client, sandbox: SandboxControl, metric: Metric, observed: float
) -> None:
    """As long as the window contains the breach, slo/status shows it and is CRITICAL."""
    sandbox.roll_back(DAILY, metric, observed=observed, threshold=1, minutes_ago=10)

    assert slo(cct, DAILY)["overall"] == "CRITICAL"
    assert observed in slo(cct, DAILY)["currentMetrics"].values()
    assert slo(cct, DAILY, windowMin="5")["overall"] == "HEALTHY"


def test_breaches_are_asked_for_by_hours(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A breach of 90 minutes ago is not among those of the last hour."""
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=90)

    assert cct.get("slo/breaches", params={"hours": "1"}).json()["data"] == []
    assert len(cct.get("slo/breaches", params={"hours": "2"}).json()["data"]) == 1


def test_a_breach_that_goes_on_keeps_being_recorded(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """A breach that is not over fails every window, and its latest record is of now."""
    sandbox.roll_back(
        DAILY, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=30, breach_over=False
    )
    newest, first = cct.get("slo/breaches").json()["data"]

    age = datetime.fromisoformat(newest["timestamp"]) - datetime.fromisoformat(first["timestamp"])
    assert age.total_seconds() == pytest.approx(1800, abs=5)
    assert slo(cct, DAILY, windowMin="1")["overall"] == "CRITICAL"


def test_a_later_rollback_ends_a_breach_that_went_on(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """The second rollback of a route ends its breach when it says that it is over."""
    sandbox.roll_back(
        DAILY, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=30, breach_over=False
    )
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)

    assert slo(cct, DAILY, windowMin="5")["overall"] == "HEALTHY"


def test_a_rollback_older_than_an_hour_has_left_no_configuration(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """The disabled configuration expires as any other: only the history still knows."""
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=61)

    assert list(config(cct, DAILY)["metadata"]) == ["description"]
    assert payload(cct.get("canary/rollbacks"))["total"] == 1
