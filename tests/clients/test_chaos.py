"""Faults, injected into and removed from the sandbox; and a look at how it serves."""

from __future__ import annotations

import pytest

from cct_ops.actions.chaos import InjectFault, RemoveFault
from cct_ops.actions.operator import CctOperator
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted, Unsupported
from cct_ops.models.chaos import ChaosMode, ChaosSeverity, Injection
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.clients.parts import RecordingChecker, permit

SLOW = InjectFault.of(Injection.of(ChaosMode.LATENCY, ChaosSeverity.MILD), "f-1", minutes=1).call


def perform(transport: CctTransport, call: Call) -> None:
    """Carry out a call that is permitted."""
    CctOperator(permit(), RecordingChecker(), transport).perform(call)


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
