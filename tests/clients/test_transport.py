"""Every way in which CCT can fail to answer becomes one error; nothing is ever sent twice."""

from __future__ import annotations

import json
from contextlib import nullcontext

import httpx
import pytest
from pydantic import SecretStr

from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import BadConfiguration, ContractBroken, Rejected, Unavailable, Unsupported
from tests.clients.parts import KEY, RecordingPacer, Wire, cct, failure, once, refusal, twice

PAYLOAD: dict[str, object] = {"routes": {}}


@pytest.mark.parametrize("content", [once(PAYLOAD), twice(PAYLOAD)], ids=["once", "twice"])
def test_both_nestings_give_the_payload(content: bytes) -> None:
    """The canary handlers nest twice and the SLO handlers once; either may change its mind."""
    with cct(Wire(content=content)) as transport:
        assert transport.read("canary/status") == PAYLOAD


def test_a_payload_with_data_of_its_own_is_not_unwrapped() -> None:
    """Only the handlers' whole inner envelope counts as one."""
    payload = {"data": [1], "timestamp": "now"}

    with cct(Wire(content=once(payload))) as transport:
        assert transport.read("data/any") == payload


def test_a_request_carries_the_key_and_its_query() -> None:
    """The key goes in X-API-Key, the path stands below /api/v1, and the query names the read."""
    wire, pacer = Wire(content=once([])), RecordingPacer()

    with cct(wire, pacer) as transport:
        transport.read("slo/status", windowMin=60, a="/b c")

    (request,) = wire.requests
    assert str(request.url) == "http://cct.test/api/v1/slo/status?a=%2Fb+c&windowMin=60"
    assert request.headers["X-API-Key"] == KEY.get_secret_value()
    assert pacer.keys == ["slo/status?a=%2Fb+c&windowMin=60"]
    assert pacer.slots == ["read"]


def test_a_write_is_never_shared() -> None:
    """A write takes a write's slot and reaches CCT itself, each time."""
    wire, pacer = Wire(content=twice(PAYLOAD)), RecordingPacer()

    with cct(wire, pacer) as transport:
        assert (
            transport.write("POST", "canary/config", {}, {"a": 1}, allowed=nullcontext()) == PAYLOAD
        )

    assert (pacer.keys, pacer.slots) == ([], ["write"])
    assert json.loads(wire.requests[0].content) == {"a": 1}


@pytest.mark.parametrize(
    "reason", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout]
)
def test_no_answer_is_unavailable(reason: type[httpx.TransportError]) -> None:
    """Refused, reset, garbled or too slow: worth another try, by somebody else."""
    error = failure(Wire(failure=reason))

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds is None
    assert "cct.test" in str(error)


@pytest.mark.parametrize(
    ("reason", "unknown"), [(httpx.ConnectError, False), (httpx.ReadTimeout, True)]
)
def test_a_write_without_an_answer_says_what_is_unknown(
    reason: type[httpx.TransportError], unknown: bool
) -> None:
    """A request that never left changed nothing; one that got no answer may have."""
    wire = Wire(failure=reason)

    with cct(wire) as transport, pytest.raises(Unavailable) as caught:
        transport.write(
            "POST", "canary/reset", {"route": "/daily-summary"}, None, allowed=nullcontext()
        )

    assert ("is unknown" in str(caught.value)) is unknown
    assert "POST /api/v1/canary/reset?route=%2Fdaily-summary" in str(caught.value)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_a_server_fault_is_unavailable(status: int) -> None:
    """The message holds CCT's own words and code."""
    error = failure(Wire(status, refusal("Out of order.", "CANARY_STATUS_ERROR")))

    assert isinstance(error, Unavailable)
    assert f"{status} CANARY_STATUS_ERROR: Out of order." in str(error)


def test_the_runtime_s_plain_text_is_unavailable_and_cut() -> None:
    """Workers fail in text/plain; its controls go and so does all beyond 200 characters."""
    text = b"Incorrect type for Promise\x1b[31m\r\n" + b"x" * 5000

    error = failure(Wire(500, text, {"Content-Type": "text/plain"}))

    assert isinstance(error, Unavailable)
    assert "Incorrect type for Promise[31m xxx" in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize(("status", "code"), [(400, "MISSING_ROUTE"), (403, None), (405, "X")])
def test_another_refusal_is_rejected(status: int, code: str | None) -> None:
    """Sending it again cannot help; status and code say why."""
    error = failure(Wire(status, refusal("Route is required", code)))

    assert isinstance(error, Rejected)
    assert (error.status, error.code) == (status, code)
    assert "Route is required" in str(error)


def test_a_wrong_key_is_rejected_with_a_warning() -> None:
    """Five of these lock the address, so the message says so and nothing tries again."""
    error = failure(Wire(401, refusal("Invalid or missing API key", "UNAUTHORIZED")))

    assert isinstance(error, Rejected)
    assert "check X_API_KEY" in str(error)
    assert "five wrong attempts lock this address for 15 minutes" in str(error)


def test_a_locked_key_is_rejected() -> None:
    """Waiting is for a person to decide, after the key was looked at."""
    locked = Wire(423, refusal("Locked", "API_KEY_LOCKED_OUT"), {"Retry-After": "900"})

    error = failure(locked)

    assert isinstance(error, Rejected)
    assert "15 minutes" in str(error)


def test_a_404_of_something_else_is_rejected() -> None:
    """A 404 without CCT's code was not CCT's."""
    error = failure(Wire(404, b"<html>nginx</html>"))

    assert isinstance(error, Rejected)
    assert "check that CCT_URL points to CCT" in str(error)


def test_a_missing_family_is_unsupported() -> None:
    """CCT as deployed from its repository has no canary administration, in one sentence."""
    error = failure(Wire(404, refusal("Endpoint not found", "NOT_FOUND")))

    assert isinstance(error, Unsupported)
    assert str(error) == (
        "This CCT has no canary administration (GET /api/v1/canary/status answered 404 NOT_FOUND):"
        " deploy CCT with its admin API; without it the canary can only be changed by a redeploy."
    )


def test_nobody_is_sent_to_deploy_an_admin_api_for_faults_that_it_lacks_too() -> None:
    error = failure(Wire(404, refusal("Endpoint not found", "NOT_FOUND")), "chaos/status")

    assert str(error).endswith(
        "use a staging CCT that was built for it; without it no fault can be injected."
    )


@pytest.mark.parametrize("status", [404, 500])
@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("canary/rollbacks", "nothing in this release is equivalent"),
        ("canary/history", "canary/status shows the present only"),
        ("canary/promote", "canary/enable with the route and percentage=100"),
        ("exemptions/expired", "the nearest is exemptions/report"),
    ],
)
def test_a_missing_verb_is_unsupported_at_any_status(status: int, path: str, nearest: str) -> None:
    """The exemption handlers answer 500 there: it is no server fault, and not retried as one."""
    error = failure(Wire(status, refusal("Unknown", "ENDPOINT_NOT_FOUND")), path)

    assert isinstance(error, Unsupported)
    assert nearest in str(error)


def test_a_redirect_is_not_followed() -> None:
    """It would carry the key to wherever it points; the message does not repeat its query."""
    error = failure(Wire(302, b"", {"Location": "https://login.test/in?token=secret"}))

    assert isinstance(error, Rejected)
    assert error.status == 302
    assert "https://login.test/in" in str(error)
    assert "secret" not in str(error)
    assert "check CCT_URL" in str(error)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"<html>", "not a JSON object: <html>"),
        (b"", "not a JSON object: no words"),
        (b"[]", "not a JSON object"),
        (b'{"success": true, "data": NaN}', "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (b'{"data": {}}', "success"),
        (refusal("Data not found", "NO_DATA"), "success is not true: Data not found"),
        (b'{"success": true}', "data is missing"),
    ],
)
def test_a_200_that_is_not_the_envelope_breaks_the_contract(content: bytes, named: str) -> None:
    """What is wrong is named."""
    error = failure(Wire(200, content))

    assert isinstance(error, ContractBroken)
    assert named in str(error)


def test_a_body_that_cannot_be_unpacked_breaks_the_contract() -> None:
    """A wrong Content-Encoding is an answer in a shape that we do not know."""

    def garbled(request: httpx.Request) -> httpx.Response:
        raise httpx.DecodingError("incorrect header check", request=request)

    with cct(garbled) as transport, pytest.raises(ContractBroken, match="decompressed"):
        transport.read("canary/status")


def test_the_key_is_shown_nowhere() -> None:
    """Neither an echo of CCT's nor a repr gives it away."""
    key = KEY.get_secret_value()
    with cct(Wire(400, refusal(f"Bad key {key}", key))) as transport:
        exchange = transport.ask("canary/status")
        with pytest.raises(Rejected) as caught:
            exchange.payload()
    said = [str(caught.value), repr(caught.value), str(caught.value.code)]
    held = [repr(vars(transport)), repr(vars(transport._client)), repr(exchange)]

    shown = [*said, repr(transport), *held]
    assert not [text for text in shown if key in text]


@pytest.mark.parametrize("key", ["with\nend", "bläh", " padded ", "nul\x00"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    """Said at once and without showing it; the HTTP library's own error would show it."""
    with pytest.raises(BadConfiguration, match="X_API_KEY") as caught:
        CctTransport("http://cct.test", SecretStr(key), Unpaced())

    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["cct.test", "ftp://cct.test", "http://", "http://cct.test:port", ""]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """Said at once, by the name of the setting."""
    with pytest.raises(BadConfiguration, match="CCT_URL"):
        CctTransport(url, KEY, Unpaced())


def test_without_a_key_no_header_is_sent() -> None:
    """A missing key never counts towards CCT's lock; an empty one would be a wrong one."""
    wire = Wire(content=once([]))

    with CctTransport(
        "http://cct.test/", SecretStr(""), Unpaced(), transport=httpx.MockTransport(wire)
    ) as transport:
        transport.read("data/symbols")

    assert "X-API-Key" not in wire.requests[0].headers
