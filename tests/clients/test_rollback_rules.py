"""The rules of auto-rollback, read from and written to the sandbox."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cct_ops.actions.operator import CctOperator
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl
from tests.clients.parts import RecordingChecker, permit

THRESHOLDS = {"p95_latency_ms": 9000.0, "error_rate_percent": 7.5, "availability_percent": 90.0}


def perform(transport: CctTransport, method: str, **arguments: float) -> None:
    """Carry out a call that is permitted."""
    operator = CctOperator(permit(), RecordingChecker(), transport)
    operator.perform(Call(method=method, arguments={**arguments}))


def test_thresholds_are_set_all_three(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    perform(transport, "set_slo_thresholds", **THRESHOLDS)

    assert sandbox.state().slo_thresholds == THRESHOLDS
    assert reader.canary_config().slo_thresholds.model_dump() == THRESHOLDS


def test_auto_rollback_is_switched_off_and_on(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    for method, on in (("disable_auto_rollback", False), ("enable_auto_rollback", True)):
        perform(transport, method)

        assert sandbox.state().auto_rollback_enabled is on
        assert reader.canary_config().auto_rollback.enabled is on


@pytest.mark.parametrize("wrong", [{"unknown": 1.0}])
def test_what_is_no_set_of_thresholds_is_not_sent(
    sandbox: SandboxControl, transport: CctTransport, wrong: dict[str, float]
) -> None:
    """A threshold that compares with nothing would switch auto-rollback off for good."""
    with pytest.raises(NotPermitted):
        perform(transport, "set_slo_thresholds", **THRESHOLDS | wrong)

    assert sandbox.writes() == []


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_call_with_an_amount_that_is_none_cannot_even_be_planned(odd: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Call(method="set_slo_thresholds", arguments=THRESHOLDS | {"p95_latency_ms": odd})
