"""The control API, its Python client, and the process behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl, start_sandbox
from cct_ops.sandbox.inputs import Fault
from tests.plain import HTTP
from tests.sandbox.wire import DAILY, config


def slack(sandbox: SandboxControl, content: bytes = b'{"text": "hello"}') -> httpx.Response:
    """Post to the Slack sink."""
    return HTTP.post(f"{sandbox.base_url}/slack/T0/B0/x", content=content)


def test_every_request_is_on_record(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """A request is recorded with its method, path, query, body and status."""
    body = {"route": DAILY, "enabled": True, "percentage": 5}
    cct.post("canary/update", params={"a": "b"}, json=body)

    (seen,) = sandbox.requests()
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/v1/canary/update", {"a": "b"})
    assert (seen.body, seen.status, seen.write) == (body, 200, True)
    assert abs((datetime.now(UTC) - seen.at).total_seconds()) < 60


def test_reads_are_no_writes(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Reads are recorded as requests only, and change no state."""
    before = sandbox.state()
    for path in ("canary/status", "canary/metrics", "canary/config", "slo/status"):
        cct.get(path)

    assert len(sandbox.requests()) == 4
    assert sandbox.writes() == []
    assert sandbox.state() == before


def test_the_control_api_is_not_on_record(sandbox: SandboxControl) -> None:
    """What tests do to the sandbox is not what clients do to CCT."""
    sandbox.set_canary(DAILY, 20)

    assert sandbox.requests() == []


def test_reset_forgets_everything(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """After a reset the sandbox is as it was started."""
    sandbox.roll_back(DAILY, "p95_latency_ms", observed=6200, threshold=5000)
    sandbox.advance_clock(500)
    sandbox.faults(Fault(error_status=500))
    slack(sandbox)
    cct.get("canary/status")
    sandbox.reset()

    state = sandbox.state()
    assert (state.rollbacks, state.breaches, state.dialect, state.limits) == (0, 0, "runbook", True)
    assert sandbox.requests() == []
    assert sandbox.slack_messages() == []
    assert cct.get("canary/status").status_code == 200


def test_the_actor_is_known_to_the_sandbox_only(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Who disabled a canary is in the state, never in what CCT answers."""
    sandbox.set_canary(DAILY, 0, enabled=False, actor="cct")

    assert sandbox.state().routes[DAILY].changed_by == "cct"
    assert config(cct, DAILY)["metadata"]["disabled_by"] == "canary_toggle"


def test_expire_brings_the_default_back(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """An expired configuration has a description and no trace of who switched it on or off."""
    sandbox.set_canary(DAILY, 30)
    sandbox.expire(DAILY)

    off = config(cct, DAILY)
    assert (off["enabled"], list(off["metadata"])) == (False, ["description"])
    assert sandbox.state().routes[DAILY].configured_percentage == 30


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("canary", {"route": "/nowhere", "enabled": True, "percentage": 5}, "route"),
        ("canary", {"route": DAILY, "enabled": True, "percentage": 101}, "percentage"),
        ("rollback", {"route": DAILY, "metric": "mood"}, "metric"),
        ("clock", {"advance_seconds": -1}, "advance_seconds"),
        ("profile", {"route": DAILY, "speed": 3}, "speed"),
        ("faults", [{"error_status": 500, "path": "/elsewhere"}], "path"),
        ("faults", [{"count": 3}], "does nothing"),
        ("reset", {"dialect": "latin"}, "dialect"),
    ],
)
def test_bad_control_input_is_refused(
    sandbox: SandboxControl, path: str, body: object, complaint: str
) -> None:
    """What the sandbox does not understand is 422 with the reason in words."""
    response = HTTP.post(f"{sandbox.base_url}/_sandbox/{path}", json=body)

    assert (response.status_code, complaint in response.text) == (422, True)


def test_the_client_raises_what_the_sandbox_says(sandbox: SandboxControl) -> None:
    """A refused control request is a ValueError with the sandbox's words."""
    with pytest.raises(ValueError, match="percentage"):
        sandbox.set_canary(DAILY, 101)


def test_slack_takes_messages(sandbox: SandboxControl) -> None:
    """The sink answers as Slack's webhooks do and keeps the message."""
    response = slack(sandbox)

    assert (response.status_code, response.text) == (200, "ok")
    (message,) = sandbox.slack_messages()
    assert (message.path, message.body) == ("/slack/T0/B0/x", {"text": "hello"})


def test_whoever_read_slack_is_given_what_came_since(sandbox: SandboxControl) -> None:
    slack(sandbox)
    slack(sandbox)
    first, second = sandbox.slack_messages()

    assert sandbox.slack_messages(after=1) == [second]
    assert sandbox.slack_messages(after=2) == []
    assert first.at <= second.at
    refused = HTTP.get(f"{sandbox.base_url}/_sandbox/slack?after=all")
    assert (refused.status_code, "no number" in refused.text) == (422, True)


@pytest.mark.parametrize("content", [b"hello", b"[]"])
def test_slack_refuses_what_is_no_message(sandbox: SandboxControl, content: bytes) -> None:
    """Anything but a JSON object is an invalid payload."""
    response = slack(sandbox, content)

    assert (response.status_code, response.text) == (400, "invalid_payload")


def test_slack_can_fail(sandbox: SandboxControl) -> None:
    """A fault below /slack strikes the sink, and one below /api/v1 does not."""
    sandbox.faults(Fault(path="/slack", error_status=500, count=1), Fault(error_status=503))

    assert [slack(sandbox).status_code for _ in range(2)] == [500, 200]


def test_slack_can_stay_silent(sandbox: SandboxControl) -> None:
    """A fault can make the sink never answer."""
    sandbox.faults(Fault(path="/slack", timeout=True))

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{sandbox.base_url}/slack/x", json={}, timeout=0.2, trust_env=False)


def test_a_process_with_everything_different() -> None:
    """Dialect, limits and key of a process are as it was told, also after a reset."""
    with start_sandbox(dialect="bare", limits=False, api_key="one, two") as other:
        other.reset()
        url = f"{other.base_url}/api/v1/security/status"
        with httpx.Client(trust_env=False) as http:
            codes = [
                http.get(url, headers={"X-API-Key": key}).status_code
                for key in ("one", "two", "sandbox-key")
            ]
        state = other.state()

    assert codes == [200, 200, 401]
    assert (state.dialect, state.limits) == ("bare", False)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_even_while_a_request_hangs(ending: signal.Signals) -> None:
    """One line on standard output says where it listens, and a signal ends it promptly."""
    command = [sys.executable, "-m", "cct_ops.sandbox"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("sandbox: ").strip()
        with SandboxControl(url) as control, httpx.Client(base_url=url, trust_env=False) as hanging:
            control.faults(Fault(timeout=True))
            with pytest.raises(httpx.ReadTimeout):
                hanging.get("/api/v1/data/health", timeout=0.1)
            process.send_signal(ending)
            process.wait(5)
        assert process.stdout.read() == ""


def test_it_dies_with_the_process_that_started_it() -> None:
    """A parent that is killed takes its sandbox along."""
    program = (
        "import os, signal\n"
        "from cct_ops.sandbox.control import start_sandbox\n"
        "with start_sandbox() as control:\n"
        "    print(control.base_url, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # Its standard error stays open for as long as the sandbox lives: the end of it is its end.
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env=os.environ,
    )

    assert ended.returncode == -signal.SIGKILL
    with pytest.raises(httpx.ConnectError):
        httpx.get(ended.stdout.strip(), trust_env=False)


def test_it_starts_lean() -> None:
    """Starting imports neither Prefect nor pandas."""
    program = "import sys, cct_ops.sandbox.app; print({'prefect', 'pandas'} & {*sys.modules})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert ended.stdout.strip() == b"set()"
