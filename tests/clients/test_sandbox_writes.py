"""Operator and Slack against the sandbox: a real process that behaves like CCT."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from cct_ops.actions.canary import ResetCanary
from cct_ops.actions.operator import CctOperator
from cct_ops.clients import slack
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted, Unavailable
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.clients.parts import ROUTE, RecordingChecker, RecordingPacer, permit
from tests.conftest import API_KEY

RESET = ResetCanary(route=ROUTE).call


def operator(transport: CctTransport, checker: RecordingChecker) -> CctOperator:
    """An operator on the sandbox."""
    return CctOperator(permit(), checker, transport)


@pytest.mark.parametrize(("method", "share"), [("reset_canary", 20), ("disable_canary", 0)])
def test_a_permitted_write_arrives_once(
    sandbox: SandboxControl,
    transport: CctTransport,
    reader: CctReader,
    pacer: RecordingPacer,
    method: str,
    share: float,
) -> None:
    """One route changes, what CCT claims is true, and only one request went out."""
    sandbox.set_canary("/daily-summary", 5)
    checker = RecordingChecker()

    call = Call(method=method, arguments={"route": ROUTE})
    claimed = operator(transport, checker).perform(call).config

    (write,) = sandbox.writes()
    assert (write.query, pacer.slots) == ({"route": ROUTE}, ["write"])
    assert (claimed.enabled, claimed.percentage) == (share > 0, share)
    assert reader.canary_status().routes[ROUTE] == claimed
    assert sandbox.state().routes["/daily-summary"].percentage == 5
    assert [word for word, _ in checker.journal] == ["intended", "sent"]


def test_without_a_permit_nothing_is_sent(sandbox: SandboxControl, transport: CctTransport) -> None:
    """Not even a request that CCT would refuse."""
    with pytest.raises(NotPermitted):
        operator(transport, RecordingChecker(refuses=True)).perform(RESET)

    assert sandbox.writes() == []
    assert sandbox.requests() == []


def test_a_claim_is_no_proof(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    """Where nothing is stored CCT answers 200 all the same; only the read-back shows it."""
    sandbox.faults(Fault(drop_writes=True))

    operator(transport, RecordingChecker()).perform(RESET)

    assert not reader.canary_status().routes[ROUTE].enabled


def test_a_lost_answer_is_not_asked_for_again(
    sandbox: SandboxControl, pacer: RecordingPacer
) -> None:
    """The write was carried out once; that we do not know it is in the message."""
    sandbox.faults(Fault(apply_then_hang=True))

    with (
        CctTransport(sandbox.base_url, SecretStr(API_KEY), pacer, 0.3) as impatient,
        pytest.raises(Unavailable, match="whether the change was made is unknown"),
    ):
        operator(impatient, RecordingChecker()).perform(RESET)

    assert len(sandbox.writes()) == 1
    assert sandbox.state().routes[ROUTE].enabled


@pytest.mark.parametrize(
    "fault",
    [
        Fault(error_status=503),
        Fault(runtime_failure=True),
        Fault(too_many_requests_retry_after="1"),
    ],
)
def test_a_failing_cct_is_asked_once(
    sandbox: SandboxControl, transport: CctTransport, fault: Fault
) -> None:
    """Whether to try again is the caller's decision, for reads and writes alike."""
    sandbox.faults(fault)

    with pytest.raises(Unavailable):
        CctReader(transport).canary_status()
    with pytest.raises(Unavailable):
        operator(transport, RecordingChecker()).perform(RESET)

    assert len(sandbox.requests()) == 2
    assert sandbox.writes() == []


def test_a_message_reaches_the_slack_sink(sandbox: SandboxControl) -> None:
    """A mention in a value arrives as the text that it is."""
    blocks = [{"type": "divider"}]

    slack.post(
        SecretStr(f"{sandbox.base_url}/slack/services/T0"), slack.escape("<!channel> hi"), blocks
    )

    (message,) = sandbox.slack_messages()
    assert message.body == {"text": "&lt;!channel&gt; hi", "blocks": blocks}


def test_a_failing_slack_is_posted_to_once(sandbox: SandboxControl) -> None:
    """The next try would find Slack well, and is not made."""
    sandbox.faults(Fault(path="/slack", error_status=503, count=1))

    with pytest.raises(Unavailable, match="Slack answered 503"):
        slack.post(SecretStr(f"{sandbox.base_url}/slack/services/T0"), "hi", [])

    assert sandbox.slack_messages() == []
