"""The canary family does what docs/cct-api.md says, with the quirks of CCT's own handlers."""

from __future__ import annotations

import httpx
import pytest

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from tests.sandbox.wire import DAILY, PRE_MARKET, config, payload

NOT_JSON = b"{"


def test_admin_answers_nest_twice(cct: httpx.Client) -> None:
    """The payload of a canary handler is at .data.data, beside the service's name."""
    body = cct.get("canary/status").json()

    assert body["success"] is True
    assert body["metadata"]["version"] == "v1"
    assert body["data"]["service"] == "canary-management"
    assert body["timestamp"].endswith("Z")


def test_status_lists_exactly_the_six_routes(cct: httpx.Client) -> None:
    """Every known route is listed, off at 0 % with nothing but a description."""
    answer = payload(cct.get("canary/status"))

    assert list(answer["routes"]) == [str(route) for route in Route]
    assert answer["summary"] == {
        "total_routes": 6,
        "enabled_routes": 0,
        "total_rollout_percentage": 0,
    }
    off = answer["routes"][DAILY]
    assert (off["enabled"], off["percentage"], list(off["metadata"])) == (False, 0, ["description"])


def test_enable_switches_on_and_says_who(cct: httpx.Client) -> None:
    """Enabling stores the share and writes enabled_at and enabled_by."""
    cct.post("canary/enable", params={"route": DAILY, "percentage": "35"})

    on = config(cct, DAILY)
    assert (on["enabled"], on["percentage"]) == (True, 35)
    assert set(on["metadata"]) == {"enabled_at", "enabled_by"}


def test_enable_looks_at_no_method(cct: httpx.Client) -> None:
    """Even a GET of canary/enable changes state."""
    cct.get("canary/enable", params={"route": DAILY})

    assert config(cct, DAILY)["percentage"] == 10


def test_enable_with_words_for_a_number(cct: httpx.Client) -> None:
    """A percentage that is no number is answered 200 and stored as null."""
    response = cct.post("canary/enable", params={"route": DAILY, "percentage": "many"})

    assert response.status_code == 200
    assert "NaN%" in response.json()["data"]["message"]
    assert config(cct, DAILY)["percentage"] is None


@pytest.mark.parametrize("percentage", ["-1", "101"])
def test_enable_out_of_range(cct: httpx.Client, percentage: str) -> None:
    """A percentage out of range is CCT's fault, it thinks: 500."""
    response = cct.post("canary/enable", params={"route": DAILY, "percentage": percentage})

    assert (response.status_code, response.json()["error_code"]) == (500, "CANARY_ENABLE_ERROR")
    assert config(cct, DAILY)["enabled"] is False


def test_enable_without_a_route(cct: httpx.Client) -> None:
    """Enabling needs a route in the query; the body is not read."""
    response = cct.post("canary/enable", json={"route": DAILY})

    assert (response.status_code, response.json()["error_code"]) == (400, "MISSING_ROUTE")


def test_enable_takes_any_route(cct: httpx.Client) -> None:
    """An unknown route can be enabled, and the status does not list it."""
    response = cct.post("canary/enable", params={"route": "/nowhere"})

    assert payload(response)["config"]["enabled"] is True
    assert "/nowhere" not in payload(cct.get("canary/status"))["routes"]


def test_disable_keeps_the_older_metadata(cct: httpx.Client) -> None:
    """Disabling adds disabled_at and disabled_by and leaves 0 %."""
    cct.post("canary/enable", params={"route": DAILY, "percentage": "35"})
    cct.post("canary/disable", params={"route": DAILY})

    off = config(cct, DAILY)
    assert (off["enabled"], off["percentage"]) == (False, 0)
    assert set(off["metadata"]) == {"enabled_at", "enabled_by", "disabled_at", "disabled_by"}


def test_disable_without_a_route_is_for_all(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Without a route, every canary is switched off."""
    sandbox.set_canary(DAILY, 20)
    sandbox.set_canary(PRE_MARKET, 30)
    answer = payload(cct.post("canary/disable"))

    assert set(answer["routes"]) == {str(route) for route in Route}
    assert not any(route.enabled for route in sandbox.state().routes.values())


def test_update_writes_the_lists(cct: httpx.Client) -> None:
    """Updating sets share and lists from the body."""
    body = {"route": DAILY, "enabled": True, "percentage": 12.5, "whitelist": ["*"]}
    cct.post("canary/update", json=body)

    on = config(cct, DAILY)
    assert (on["percentage"], on["whitelist"], on["blacklist"]) == (12.5, ["*"], [])


def test_update_to_off_wants_a_percentage_and_ignores_it(cct: httpx.Client) -> None:
    """Switching off through update leaves 0 %, whatever percentage was sent."""
    cct.post("canary/update", json={"route": DAILY, "enabled": False, "percentage": 50})

    assert config(cct, DAILY)["percentage"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"enabled": true, "percentage": 5}', 400, "MISSING_ROUTE"),
        (b'{"route": "/daily-summary", "enabled": false}', 400, "INVALID_PERCENTAGE"),
        (b'{"route": "/daily-summary", "percentage": "5"}', 400, "INVALID_PERCENTAGE"),
        (b'{"route": "/daily-summary", "percentage": 101}', 400, "INVALID_PERCENTAGE"),
        (NOT_JSON, 500, "CANARY_UPDATE_ERROR"),
        (b"", 500, "CANARY_UPDATE_ERROR"),
    ],
)
def test_update_refuses(cct: httpx.Client, body: bytes, status: int, code: str) -> None:
    """Each defect of an update has its own status and code."""
    response = cct.post("canary/update", content=body)

    assert (response.status_code, response.json()["error_code"]) == (status, code)


def test_simulation_counts_its_users(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Users are split by hash, roughly by the share, and always in the same way."""
    sandbox.set_canary(DAILY, 50)
    ask = {"route": DAILY, "user_count": 200}
    answer = payload(cct.post("canary/simulate", json=ask))["simulation"]

    assert answer["canary_users"] + answer["stable_users"] == 200
    assert 50 < answer["canary_users"] < 150
    assert payload(cct.post("canary/simulate", json=ask))["simulation"] == answer


def test_simulation_of_a_canary_that_is_off(cct: httpx.Client) -> None:
    """Nobody gets a canary that is off, and the reason says so."""
    answer = payload(cct.post("canary/simulate", json={"route": DAILY, "user_count": 1}))

    user = {"userId": "user-0", "isInCanary": False, "reason": "feature_disabled"}
    assert answer["simulation"]["distribution"] == [user]


def test_reset_returns_to_the_configured_share(cct: httpx.Client) -> None:
    """The share of the last enable is the one that a reset brings back."""
    cct.post("canary/enable", params={"route": DAILY, "percentage": "35"})
    cct.post("canary/disable", params={"route": DAILY})
    answer = payload(cct.post("canary/reset", params={"route": DAILY}))

    assert (answer["route"], answer["config"]["percentage"]) == (DAILY, 35)
    assert config(cct, DAILY)["enabled"] is True


def test_reset_of_an_unconfigured_route(cct: httpx.Client) -> None:
    """A route that nobody has enabled is configured for 20 %; only the one asked for changes."""
    cct.post("canary/reset", params={"route": DAILY})

    assert config(cct, DAILY)["percentage"] == 20
    assert config(cct, PRE_MARKET)["enabled"] is False


def test_reset_without_a_route_is_for_all(cct: httpx.Client) -> None:
    """Without a route, every canary is switched on."""
    cct.post("canary/reset")

    assert payload(cct.get("canary/status"))["summary"]["enabled_routes"] == 6


def test_promote_gives_all_the_traffic(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A promoted canary gets 100 %, and the configured share stays what it was."""
    sandbox.set_canary(DAILY, 30)
    cct.post("canary/promote", params={"route": DAILY})

    assert config(cct, DAILY)["percentage"] == 100
    assert sandbox.state().routes[DAILY].configured_percentage == 30


def test_promote_without_a_route_takes_those_that_are_on(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """Without a route, only the canaries that are on are promoted."""
    sandbox.set_canary(DAILY, 30)
    answer = payload(cct.post("canary/promote"))

    assert list(answer["routes"]) == [DAILY]
    assert config(cct, PRE_MARKET)["enabled"] is False


def test_config_shows_thresholds_switch_and_shares(cct: httpx.Client) -> None:
    """canary/config is the rollback policy and each route's configured share."""
    answer = payload(cct.get("canary/config"))

    assert answer["slo_thresholds"] == {
        "p95_latency_ms": 3000,
        "error_rate_percent": 2.0,
        "availability_percent": 95.0,
    }
    assert answer["auto_rollback"] == {"enabled": True}
    assert answer["routes"][DAILY] == {"percentage": 20}


def test_an_absent_threshold_keeps_its_value(cct: httpx.Client) -> None:
    """Only the thresholds that are sent change."""
    cct.post("canary/config", json={"slo_thresholds": {"p95_latency_ms": 4500}})

    kept = payload(cct.get("canary/config"))["slo_thresholds"]
    assert (kept["p95_latency_ms"], kept["error_rate_percent"]) == (4500, 2.0)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 400), (b'{"slo_thresholds": {"p95_latency_ms": "fast"}}', 400), (NOT_JSON, 500)],
)
def test_config_refuses(cct: httpx.Client, body: bytes, status: int) -> None:
    """Thresholds must be there and be numbers."""
    assert cct.post("canary/config", content=body).status_code == status


def test_auto_rollback_can_be_switched(cct: httpx.Client) -> None:
    """Auto-rollback is switched off and on by verbs of its own."""
    off = payload(cct.post("canary/disable-auto-rollback"))
    read = payload(cct.get("canary/config"))["auto_rollback"]
    on = payload(cct.post("canary/enable-auto-rollback"))

    assert off["auto_rollback"] == read == {"enabled": False}
    assert on["auto_rollback"] == {"enabled": True}


def test_a_configuration_expires_after_an_hour(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """3600 s after it was written, a configuration is the default again."""
    cct.post("canary/enable", params={"route": DAILY})
    sandbox.advance_clock(3590)
    before = config(cct, DAILY)
    sandbox.advance_clock(11)
    after = config(cct, DAILY)

    assert before["enabled"] is True
    assert (after["enabled"], list(after["metadata"])) == (False, ["description"])


def test_an_unknown_verb_names_the_known_ones(cct: httpx.Client) -> None:
    """The family is there and the verb is not: 404 ENDPOINT_NOT_FOUND with a list."""
    response = cct.get("canary/nonsense")

    assert (response.status_code, response.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    known = response.json()["error_details"]["available_endpoints"]
    assert "/api/v1/canary/reset" in known
