"""Every fault does what its name says, where and as often as it was told to."""

from __future__ import annotations

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.sandbox.wire import DAILY, config

STATUS = "/api/v1/canary/status"


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_status(cct: httpx.Client, sandbox: SandboxControl, status: int) -> None:
    """The request gets that status in CCT's error envelope."""
    sandbox.faults(Fault(error_status=status))
    response = cct.get("canary/status")

    assert response.status_code == status
    assert response.json()["success"] is False


def test_a_fault_strikes_below_its_path_only(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Other paths stay healthy."""
    sandbox.faults(Fault(path=STATUS, error_status=503))

    assert cct.get("canary/status").status_code == 503
    assert cct.get("canary/history").status_code == 200


def test_a_fault_can_be_counted(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Only the next so many requests are affected."""
    sandbox.faults(Fault(path=STATUS, error_status=503, count=2))

    assert [cct.get("canary/status").status_code for _ in range(3)] == [503, 503, 200]


def test_an_error_rate_is_the_same_in_every_run(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """With a seed, the same requests are affected each time, and not all of them."""
    runs = []
    for _ in range(2):
        sandbox.faults(Fault(error_status=500, probability=0.5, seed=7))
        runs.append([cct.get("canary/status").status_code for _ in range(12)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_latency_holds_the_answer_back(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The answer takes at least as long as the fault says."""
    sandbox.faults(Fault(path=STATUS, latency_ms=150))

    assert cct.get("canary/status").elapsed.total_seconds() >= 0.15


def test_a_timeout_is_never_answered(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The request arrives and has no status, for nothing was answered."""
    sandbox.faults(Fault(path=STATUS, timeout=True))
    with pytest.raises(httpx.ReadTimeout):
        cct.get("canary/status", timeout=0.2)

    (seen,) = sandbox.requests()
    assert (seen.path, seen.status) == (STATUS, None)


def test_a_runtime_failure_is_plain_text(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The runtime's own failures are not in CCT's envelope."""
    sandbox.faults(Fault(runtime_failure=True))
    response = cct.get("canary/status")

    assert response.status_code == 500
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "Incorrect type for Promise" in response.text


def test_a_429_can_be_forced(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Any Retry-After can be sent, the milliseconds of the admin limiter included."""
    sandbox.faults(Fault(too_many_requests_retry_after="60000"))
    response = cct.get("canary/status")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "60000")


def test_a_dropped_write_answers_200(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Nothing is stored, the returned configuration shows it, and the write is on record."""
    sandbox.faults(Fault(drop_writes=True))
    before = sandbox.state()
    response = cct.post("canary/enable", params={"route": DAILY, "percentage": "20"})

    assert response.status_code == 200
    assert response.json()["data"]["data"]["config"]["enabled"] is False
    assert sandbox.state() == before
    assert [seen.path for seen in sandbox.writes()] == ["/api/v1/canary/enable"]


def test_a_dropped_policy_is_not_stored(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The rollback policy is dropped as any other write."""
    sandbox.faults(Fault(drop_writes=True))
    cct.post("canary/disable-auto-rollback")

    assert sandbox.state().auto_rollback_enabled is True


def test_reads_lag_behind_a_write(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Reads see the old configuration for that long; the truth is in the sandbox's state."""
    sandbox.faults(Fault(read_lag_seconds=30))
    cct.post("canary/reset", params={"route": DAILY})
    stale = config(cct, DAILY)
    sandbox.advance_clock(31)

    assert sandbox.state().routes[DAILY].enabled is True
    assert stale["enabled"] is False
    assert config(cct, DAILY)["enabled"] is True


def test_a_clock_that_is_set_right_again_hides_no_write(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """CCT's clock was ahead when it was written; what it stored stands all the same."""
    sandbox.reset(limits=False)  # they do not survive it: what was counted is counted as debts
    sandbox.set_off(300)
    cct.post("canary/reset", params={"route": DAILY})
    sandbox.set_off(0)

    assert config(cct, DAILY)["enabled"] is True
    assert sandbox.state().routes[DAILY].enabled is True


def test_a_write_can_be_applied_and_never_answered(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """The client knows nothing, and the write has happened."""
    sandbox.faults(Fault(apply_then_hang=True, count=1))
    with pytest.raises(httpx.ReadTimeout):
        cct.post("canary/reset", params={"route": DAILY}, timeout=0.2)

    assert config(cct, DAILY)["enabled"] is True


def test_a_change_on_github_can_be_made_and_never_answered(sandbox: SandboxControl) -> None:
    sandbox.faults(Fault(path="/github/", apply_then_hang=True, count=1))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{sandbox.base_url}/github/repos/example/cct/actions/variables",
            json={"name": "MODE", "value": "warn"},
            headers={"Authorization": "Bearer token"},
            timeout=0.2,
            trust_env=False,
        )

    assert sandbox.github().variables == {"MODE": "warn"}


def test_faults_of_writes_leave_reads_alone(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A read uses up no count of a fault that strikes writes."""
    sandbox.faults(Fault(drop_writes=True, count=1))
    cct.get("canary/status")
    cct.post("canary/reset", params={"route": DAILY})

    assert config(cct, DAILY)["enabled"] is False


@pytest.mark.parametrize("kind", ["wrong_type", "missing"])
def test_a_field_can_be_broken(cct: httpx.Client, sandbox: SandboxControl, kind: str) -> None:
    """The named field has another type, or is not there, in an answer that is fine otherwise."""
    broken = "data.data.routes./daily-summary.enabled"
    sandbox.faults(
        Fault(malformed=broken, malformed_as="missing" if kind == "missing" else "wrong_type")
    )
    response = cct.get("canary/status")

    assert response.status_code == 200
    route = response.json()["data"]["data"]["routes"][DAILY]
    assert not isinstance(route.get("enabled"), bool)
    assert ("enabled" in route) == (kind == "wrong_type")


def test_a_field_inside_a_list_can_be_broken(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A number on the way is the place in a list."""
    sandbox.faults(Fault(malformed="data.0.sampleSize"))

    assert cct.get("slo/status").json()["data"][0]["sampleSize"] == "not what was promised"


def test_a_field_that_is_not_there_cannot_be_broken(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    """A mistyped way is an answer that no test can overlook."""
    sandbox.faults(Fault(malformed="data.nonsense"))
    response = cct.get("canary/status")

    assert (response.status_code, "data.nonsense" in response.text) == (500, True)


def test_a_failed_write_reached_nothing(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A write that a fault refused is a request and no write."""
    sandbox.faults(Fault(error_status=503))
    cct.post("canary/reset")

    assert sandbox.writes() == []
    assert [seen.status for seen in sandbox.requests()] == [503]


def test_faults_are_replaced_and_cleared(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A new list replaces the old one, and clearing heals."""
    sandbox.faults(Fault(error_status=500))
    sandbox.faults(Fault(error_status=503))
    replaced = cct.get("canary/status").status_code
    sandbox.clear_faults()

    assert (replaced, cct.get("canary/status").status_code) == (503, 200)
