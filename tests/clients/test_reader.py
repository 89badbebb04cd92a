"""The reader asks for the right thing, and a shape that it does not know is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cct_ops.clients.reader import CctReader
from cct_ops.errors import ContractBroken, OpsError, Rejected, Unavailable
from tests.clients.parts import KEY, ROUTE, Wire, cct, once, refusal, twice

STAMP = "2025-11-24T09:00:00.000Z"
OFF: dict[str, Any] = {"enabled": False, "percentage": 0, "whitelist": [], "blacklist": []}
EVENT = {
    "id": "rb-1",
    "timestamp": STAMP,
    "endpoint": ROUTE,
    "reason": "P95 latency 6200ms > 5000ms",
    "rollbackAction": {"executed": True, "canaryDisabled": True},
}
METRICS = {
    "sampleSize": 10,
    "availability": 99.9,
    "errorRate": 0.1,
    "p50ResponseTime": 100,
    "p95ResponseTime": 900,
}
TRAFFIC = {"since": STAMP, "percentage": 20, "canary": METRICS, "stable": METRICS}
SLO = {
    "endpoint": ROUTE,
    "currentMetrics": METRICS,
    "thresholds": {
        "p95ResponseTime": 1500,
        "availability": 99.9,
        "errorRate": 0.1,
        "canaryErrorRate": 0.5,
        "canaryLatencyMultiplier": 1.5,
    },
    "complianceStatus": {"availability": "PASS", "errorRate": "WARN", "responseTime": "FAIL"},
    "overall": "CRITICAL",
    "lastUpdated": STAMP,
    "sampleSize": 10,
}
BREACH = {
    "id": "a-1",
    "type": "response_time",
    "endpoint": ROUTE,
    "severity": "CRITICAL",
    "timestamp": STAMP,
    "details": "slow",
}

Read = Callable[[CctReader], object]
READS: list[tuple[Read, object, str]] = [
    (lambda cct: cct.canary_status().routes[ROUTE].enabled, {"routes": {ROUTE: OFF}}, "status"),
    (lambda cct: cct.canary_history(5)[0].id, {"events": [EVENT]}, "history?limit=5"),
    (lambda cct: cct.canary_rollbacks()[0].id, {"rollbacks": [EVENT]}, "rollbacks"),
    (
        lambda cct: cct.canary_metrics().routes[ROUTE].percentage,
        {"routes": {ROUTE: TRAFFIC}},
        "metrics",
    ),
    (lambda cct: cct.slo_status(15)[0].sample_size, [SLO], "slo/status?windowMin=15"),
    (lambda cct: cct.slo_breaches(1)[0].id, [BREACH], "slo/breaches?hours=1"),
]
EXPECTED = [False, "rb-1", "rb-1", 20, 10, "a-1"]


@pytest.mark.parametrize("envelope", [once, twice])
@pytest.mark.parametrize(
    ("read", "payload", "path", "expected"),
    [(*row, expected) for row, expected in zip(READS, EXPECTED, strict=True)],
)
def test_each_endpoint_is_one_get(
    read: Read, payload: object, path: str, expected: object, envelope: Callable[[object], bytes]
) -> None:
    """One request each, in either nesting."""
    wire = Wire(content=envelope(payload))

    with cct(wire) as transport:
        assert read(CctReader(transport)) == expected

    (request,) = wire.requests
    assert request.method == "GET"
    assert str(request.url).endswith(path)


@pytest.mark.parametrize(
    ("read", "payload", "field"),
    [
        (
            CctReader.canary_status,
            {"routes": {ROUTE: {**OFF, "percentage": 101}}},
            f"routes.{ROUTE}.percentage",
        ),
        (CctReader.canary_status, None, "data:"),
        (CctReader.canary_status, {}, "routes: Field required"),
        (CctReader.canary_rollbacks, {"rollbacks": [{**EVENT, "id": None}]}, "rollbacks.0.id"),
        (lambda cct: cct.slo_status(60), [SLO, {**SLO, "sampleSize": -1}], "1.sampleSize"),
        (lambda cct: cct.slo_breaches(1), [{}], "0.id: Field required (and 5 more)"),
    ],
)
def test_the_field_that_does_not_fit_is_named(read: Read, payload: object, field: str) -> None:
    """The message holds the field's path and the request."""
    with cct(Wire(content=twice(payload))) as transport, pytest.raises(ContractBroken) as caught:
        read(CctReader(transport))

    assert field in str(caught.value)
    assert "GET /api/v1/" in str(caught.value)


def health_of(wire: Wire) -> str:
    """What the health says, when CCT answered."""
    with cct(wire) as transport:
        health = CctReader(transport).health()
    assert health.answered
    return health.status


def test_health_has_no_envelope() -> None:
    """The healthy answer has no data key, in any release."""
    assert (
        health_of(Wire(content=b'{"success": true, "system": {"status": "healthy"}}')) == "healthy"
    )


def test_the_500_of_older_releases_is_an_answer() -> None:
    """It always comes, so it says that CCT is there and nothing more."""
    words = "this.dal.getPerformanceStats is not a function"
    known = refusal("Health check failed", message=words, enhanced_system=True)

    assert health_of(Wire(500, known)) == f"500: {words}"


def test_a_refusal_of_cct_s_is_an_answer() -> None:
    """Whoever refuses in CCT's form is CCT; the key does not show, even if it is echoed."""
    said = health_of(Wire(403, refusal(f"Not with {KEY.get_secret_value()}", "FORBIDDEN")))

    assert said == "403: Not with [X_API_KEY]"


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (Wire(failure=httpx.ConnectError), Unavailable),
        (Wire(500, b"Internal Server Error"), Unavailable),
        (Wire(500, refusal("boom", "HEALTH_ERROR")), Unavailable),
        (Wire(503, refusal("boom", enhanced_system=True)), Unavailable),
        (Wire(429, refusal("slow down", "RATE_LIMIT_EXCEEDED")), Unavailable),
        (Wire(403, b"<html>Access denied</html>"), Rejected),
        (Wire(302, b"", {"Location": "/login"}), Rejected),
        (Wire(200, b"<html>It works!</html>"), ContractBroken),
        (Wire(200, b'{"success": true}'), ContractBroken),
    ],
)
def test_anything_else_says_nothing_about_cct(wire: Wire, error: type[OpsError]) -> None:
    """No answer, a proxy's page or an unknown failure is not a sign of life."""
    with cct(wire) as transport, pytest.raises(error, match="GET /api/v1/data/health"):
        CctReader(transport).health()

    assert len(wire.requests) == 1
