"""Nothing leaves without the checker's word, and what leaves names one route."""

from __future__ import annotations

import pytest

from cct_ops.actions.canary import CanaryAction, DisableCanary, ResetCanary
from cct_ops.actions.operator import CctOperator
from cct_ops.errors import ContractBroken, NotPermitted, Unavailable
from cct_ops.models.cct import CanaryConfig
from cct_ops.models.plan import Call
from tests.clients.parts import ROUTE, RecordingChecker, RecordingPacer, Wire, cct, permit, twice

CONFIG = {"enabled": True, "percentage": 20}
CHANGED = Wire(content=twice({"route": ROUTE, "config": CONFIG}))
RESET = Call(method="reset_canary", arguments={"route": ROUTE})
DISABLE = Call(method="disable_canary", arguments={"route": ROUTE})

WRITES = [
    (ResetCanary(route=ROUTE), RESET, "canary/reset"),
    (DisableCanary(route=ROUTE), DISABLE, "canary/disable"),
]


@pytest.mark.parametrize(("action", "call", "path"), WRITES)
def test_a_permitted_write_leaves_once(action: CanaryAction, call: Call, path: str) -> None:
    """The intent is journalled before, and that it was sent after; CCT's claim comes back."""
    wire = Wire(content=CHANGED.content)
    checker = RecordingChecker()

    with cct(wire) as transport:
        claimed = CctOperator(permit(call), checker, transport).perform(action.call)

    (request,) = wire.requests
    assert (request.method, request.url.path) == ("POST", f"/api/v1/{path}")
    assert dict(request.url.params) == {"route": ROUTE}
    assert request.content == b""
    assert checker.journal == [("intended", str(call)), ("sent", str(call))]
    assert claimed.config == CanaryConfig(enabled=True, percentage=20)


@pytest.mark.parametrize(("action", "call", "path"), WRITES)
def test_nothing_leaves_when_the_checker_refuses(
    action: CanaryAction, call: Call, path: str
) -> None:
    """The permit object in hand proves nothing."""
    wire = Wire(content=CHANGED.content)

    with cct(wire) as transport, pytest.raises(NotPermitted):
        CctOperator(permit(call), RecordingChecker(refuses=True), transport).perform(action.call)

    assert wire.requests == [], path


@pytest.mark.parametrize(
    "call",
    [
        Call(method="enable_canary", arguments={"route": ROUTE}),
        Call(
            method="set_canary",
            arguments={"route": ROUTE, "percentage": 101, "whitelist": "", "blacklist": ""},
        ),
        Call(method="perform", arguments={"route": ROUTE}),
        Call(method="delete_variable", arguments={"name": "X"}),
        Call(method="__init__", arguments={}),
        Call(method="reset_canary", arguments={}),
        Call(method="reset_canary", arguments={"route": 1}),
        Call(method="reset_canary", arguments={"route": ROUTE, "percentage": 100}),
        Call(method="disable_canary", arguments={"route": ""}),
        Call(method="disable_canary", arguments={"route": "/unknown"}),
    ],
    ids=str,
)
def test_a_call_that_is_not_known_is_refused(call: Call) -> None:
    """CCT takes a missing route for all routes, so no such call gets as far as the checker."""
    wire, checker = Wire(content=CHANGED.content), RecordingChecker()

    with cct(wire) as transport, pytest.raises(NotPermitted, match="Nothing was sent"):
        CctOperator(permit(call), checker, transport).perform(call)

    assert (wire.requests, checker.journal) == ([], [])


def test_a_write_that_fails_is_not_recorded_as_sent_and_not_repeated() -> None:
    """The journal keeps the intent; what came of it is for a read-back to find."""
    wire, checker = Wire(503), RecordingChecker()

    with cct(wire) as transport, pytest.raises(Unavailable):
        CctOperator(permit(RESET), checker, transport).perform(RESET)

    assert len(wire.requests) == 1
    assert checker.journal == [("intended", str(RESET))]


def test_a_claim_in_an_unknown_shape_is_named() -> None:
    """A share beyond 100 % is nothing that CCT is known to claim."""
    wire = Wire(content=twice({"route": ROUTE, "config": {"enabled": True, "percentage": 101}}))

    with cct(wire) as transport, pytest.raises(ContractBroken, match=r"config\.percentage"):
        CctOperator(permit(RESET), RecordingChecker(), transport).perform(RESET)


def test_the_permit_is_checked_after_the_wait_for_a_slot() -> None:
    """A wait can outlive a permit, and a refusal then must still come before the request."""
    wire, pacer = Wire(content=CHANGED.content), RecordingPacer()

    with cct(wire, pacer) as transport, pytest.raises(NotPermitted):
        CctOperator(permit(RESET), RecordingChecker(refuses=True), transport).perform(RESET)

    assert (pacer.slots, wire.requests) == (["write"], [])
