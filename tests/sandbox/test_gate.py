"""Keys: where they are read, what they open, and what five wrong ones close."""

from __future__ import annotations

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl

WRONG = {"X-API-Key": "wrong"}


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": ""}, WRONG, {"X-API-Key": "", "Authorization": "Bearer sandbox-key"}],
    ids=["none", "wrong", "bearer"],
)
def test_a_protected_path_wants_the_key_in_its_header(
    cct: httpx.Client, headers: dict[str, str]
) -> None:
    """Without the right X-API-Key the answer is 401, whatever Authorization says."""
    response = cct.get("canary/status", headers=headers)

    assert response.status_code == 401
    body = response.json()
    assert (body["error"], body["error_code"]) == ("Invalid or missing API key", "UNAUTHORIZED")
    assert body["error_details"] == {"requestId": response.headers["X-Request-ID"]}


@pytest.mark.parametrize("path", ["data/health", "data/symbols", "cache/health"])
def test_public_paths_ignore_the_key(cct: httpx.Client, path: str) -> None:
    """Public endpoints answer with a wrong key too."""
    assert cct.get(path, headers=WRONG).status_code == 200


@pytest.mark.parametrize("path", ["canary/nonsense", "nonsense"])
def test_a_404_comes_before_the_key(cct: httpx.Client, path: str) -> None:
    """A 404 says nothing about the key."""
    assert cct.get(path, headers=WRONG).status_code == 404


def test_a_wrong_key_changes_nothing(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A write with a wrong key reaches no handler."""
    cct.post("canary/reset", headers=WRONG)

    assert sandbox.writes() == []


def test_five_wrong_keys_lock_the_address(cct: httpx.Client) -> None:
    """After five 401s even a good key from that address gets 429 for 900 s."""
    for _ in range(5):
        assert cct.get("canary/status", headers=WRONG).status_code == 401
    response = cct.get("canary/status")

    assert (response.status_code, response.json()["error_code"]) == (429, "IP_RATE_LIMIT_EXCEEDED")
    assert response.headers["Retry-After"] == "900"


def test_five_wrong_keys_lock_that_key(cct: httpx.Client) -> None:
    """From another address the locked key gets 423, and a good key passes."""
    for _ in range(5):
        cct.get("canary/status", headers=WRONG)
    elsewhere = {"X-Real-IP": "192.0.2.7"}
    response = cct.get("canary/status", headers=WRONG | elsewhere)

    assert (response.status_code, response.json()["error_code"]) == (423, "API_KEY_LOCKED_OUT")
    assert response.headers["Retry-After"] == "900"
    assert cct.get("canary/status", headers=elsewhere).status_code == 200


def test_a_lockout_ends(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """After 900 s the address may come back."""
    for _ in range(5):
        cct.get("canary/status", headers=WRONG)
    sandbox.advance_clock(901)

    assert cct.get("canary/status").status_code == 200


def test_wrong_keys_a_minute_apart_lock_nothing(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Only wrong keys within 60 s add up."""
    for _ in range(6):
        cct.get("canary/status", headers=WRONG)
        sandbox.advance_clock(20)

    assert cct.get("canary/status").status_code == 200


@pytest.mark.parametrize(
    "keys",
    [[f"wrong-{number}" for number in range(6)], [""] * 6],
    ids=["each wrong key is counted by itself", "a missing key never counts"],
)
def test_keys_that_lock_nothing(cct: httpx.Client, keys: list[str]) -> None:
    for key in keys:
        cct.get("canary/status", headers={"X-API-Key": key})

    assert cct.get("canary/status").status_code == 200
