"""Operator and Slack against the sandbox: canaries, faults, and the rules of auto-rollback."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from cct_ops.actions.canary import ResetCanary
from cct_ops.actions.chaos import InjectFault, RemoveFault
from cct_ops.actions.operator import CctOperator
from cct_ops.clients import slack, slack_text
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted, Unavailable, Unsupported
from cct_ops.models.chaos import ChaosMode, ChaosSeverity, Injection
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.clients.parts import ROUTE, RecordingChecker, RecordingPacer, permit
from tests.conftest import API_KEY

RESET = ResetCanary(route=ROUTE).call


def perform(transport: CctTransport, call: Call, checker: RecordingChecker | None = None) -> Any:
    """Carry out a call, permitted unless the checker says otherwise; returns CCT's claim."""
    return CctOperator(permit(), checker or RecordingChecker(), transport).perform(call)


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
    claimed = perform(transport, call, checker).config

    (write,) = sandbox.writes()
    assert (write.query, pacer.slots) == ({"route": ROUTE}, ["write"])
    assert (claimed.enabled, claimed.percentage) == (share > 0, share)
    assert reader.canary_status().routes[ROUTE] == claimed
    assert sandbox.state().routes["/daily-summary"].percentage == 5
    assert [word for word, _ in checker.journal] == ["intended", "sent"]


def test_without_a_permit_nothing_is_sent(sandbox: SandboxControl, transport: CctTransport) -> None:
    """Not even a request that CCT would refuse."""
    with pytest.raises(NotPermitted):
        perform(transport, RESET, RecordingChecker(refuses=True))

    assert sandbox.writes() == []
    assert sandbox.requests() == []


def test_a_claim_is_no_proof(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    """Where nothing is stored CCT answers 200 all the same; only the read-back shows it."""
    sandbox.faults(Fault(drop_writes=True))

    perform(transport, RESET)

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
        perform(impatient, RESET)

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
        perform(transport, RESET)

    assert len(sandbox.requests()) == 2
    assert sandbox.writes() == []


def test_a_message_reaches_the_slack_sink(sandbox: SandboxControl) -> None:
    """A mention in a value arrives as the text that it is."""
    blocks = [{"type": "divider"}]

    slack.post(
        SecretStr(f"{sandbox.base_url}/slack/services/T0"),
        slack_text.escape("<!channel> hi"),
        blocks,
    )

    (message,) = sandbox.slack_messages()
    assert message.body == {"text": "&lt;!channel&gt; hi", "blocks": blocks}


def test_a_failing_slack_is_posted_to_once(sandbox: SandboxControl) -> None:
    """The next try would find Slack well, and is not made."""
    sandbox.faults(Fault(path="/slack", error_status=503, count=1))

    with pytest.raises(Unavailable, match="Slack answered 503"):
        slack.post(SecretStr(f"{sandbox.base_url}/slack/services/T0"), "hi", [])

    assert sandbox.slack_messages() == []


SLOW = InjectFault.of(Injection.of(ChaosMode.LATENCY, ChaosSeverity.MILD), "f-1", minutes=1).call


def test_a_fault_is_injected_seen_and_removed(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    assert reader.chaos_status().environment == "staging"

    perform(transport, SLOW)
    assert [fault.id for fault in reader.chaos_faults()] == ["f-1"]
    assert reader.serve("data/symbols", "test").seconds >= 0.5

    perform(transport, RemoveFault(fault_id="f-1").call)
    assert reader.chaos_faults() == ()
    assert sandbox.state().chaos_faults == ()


@pytest.mark.parametrize(
    "wrong",
    [{"fault_id": "../canary/promote"}, {"error_percent": 101}, {"ttl_seconds": float("nan")}],
)
def test_what_is_no_fault_is_not_sent(
    sandbox: SandboxControl, transport: CctTransport, wrong: dict[str, str | float]
) -> None:
    with pytest.raises(NotPermitted):
        perform(transport, SLOW.model_copy(update={"arguments": {**SLOW.arguments, **wrong}}))

    assert sandbox.writes() == []


def test_a_cct_without_the_api_is_said_to_ignore_chaos(
    sandbox: SandboxControl, reader: CctReader
) -> None:
    sandbox.reset(dialect="bare", limits=False)

    with pytest.raises(Unsupported, match="no chaos endpoints and ignores chaos headers"):
        reader.chaos_status()


def test_serving_badly_is_an_answer_and_no_error(
    sandbox: SandboxControl, reader: CctReader
) -> None:
    sandbox.faults(Fault(path="/api/v1/data/symbols", error_status=503))

    served = reader.serve("data/symbols", "test")

    assert (served.status, served.seen) == (503, "503: Injected by the sandbox")


THRESHOLDS = {"p95_latency_ms": 9000.0, "error_rate_percent": 7.5, "availability_percent": 90.0}


def test_thresholds_are_set_all_three(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    perform(transport, Call(method="set_slo_thresholds", arguments={**THRESHOLDS}))

    assert sandbox.state().slo_thresholds == THRESHOLDS
    assert reader.canary_config().slo_thresholds.model_dump() == THRESHOLDS


def test_auto_rollback_is_switched_off_and_on(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    for method, on in (("disable_auto_rollback", False), ("enable_auto_rollback", True)):
        perform(transport, Call(method=method, arguments={}))

        assert sandbox.state().auto_rollback_enabled is on
        assert reader.canary_config().auto_rollback.enabled is on


@pytest.mark.parametrize("wrong", [{"unknown": 1.0}])
def test_what_is_no_set_of_thresholds_is_not_sent(
    sandbox: SandboxControl, transport: CctTransport, wrong: dict[str, float]
) -> None:
    """A threshold that compares with nothing would switch auto-rollback off for good."""
    with pytest.raises(NotPermitted):
        perform(transport, Call(method="set_slo_thresholds", arguments=THRESHOLDS | wrong))

    assert sandbox.writes() == []


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_call_with_an_amount_that_is_none_cannot_even_be_planned(odd: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Call(method="set_slo_thresholds", arguments=THRESHOLDS | {"p95_latency_ms": odd})
