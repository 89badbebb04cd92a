"""An action says all that an action has to say, or its module cannot be imported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cct_ops.actions.action import CctAction, GitHubAction
from cct_ops.actions.canary import DisableCanary, ResetCanary, SetCanary
from cct_ops.actions.chaos import InjectFault
from cct_ops.actions.registry import ACTIONS, by_hand, of
from cct_ops.models.cct import CanaryConfig, Route
from cct_ops.models.chaos import ChaosMode, Injection
from cct_ops.models.plan import Call, Scalar
from tests.clients.test_by_hand import ARGUMENTS, GITHUB

KNOWN: dict[str, dict[str, Scalar]] = ARGUMENTS | {name: each for name, (each, _) in GITHUB.items()}


def whole(kind: type[CctAction] | type[GitHubAction]) -> dict[str, Any]:
    """All that an action of the kind has to say."""
    said = dict.fromkeys(("undo", "read_back"), _does_nothing) | {"blast_radius": "nobody"}
    if kind is CctAction:
        return said | {"path": "canary/do"}
    return said | dict.fromkeys(("requests", "by_hand"), _does_nothing)


def _does_nothing(*_: object) -> None:
    """Stand in for a method."""


@pytest.mark.parametrize("kind", [CctAction, GitHubAction])
def test_an_action_that_does_not_say_all_cannot_be_defined(
    kind: type[CctAction] | type[GitHubAction],
) -> None:
    """No undo, no read-back, no command by hand, no blast radius: each is an error by its name."""
    said = whole(kind)
    type("DoIt", (kind,), {**said, "__module__": __name__})

    for name in said:
        less = {each: value for each, value in said.items() if each != name}
        with pytest.raises(TypeError, match=rf"The action DoIt does not say its {name}\."):
            type("DoIt", (kind,), {**less, "__module__": __name__})


def canonical(call: Call) -> str:
    """The JSON that a digest is made over."""
    return json.dumps(call.model_dump(mode="json"), sort_keys=True)


@pytest.mark.parametrize("method", sorted(ACTIONS))
def test_a_stored_call_is_its_action_and_back(method: str) -> None:
    """To the byte, or the digest of an old plan would be another one."""
    call = Call(method=method, arguments=KNOWN[method])

    assert ACTIONS[method].method == method
    assert of(call).call == call
    assert of(Call.model_validate_json(call.model_dump_json())).call == call
    assert canonical(of(call).call) == canonical(call)


def test_the_numbers_of_a_fault_stay_as_they_are_written() -> None:
    """0 and 0.0 are one number, and two digests of a plan."""
    slow = InjectFault.of(Injection(mode=ChaosMode.LATENCY, latency_ms=500), "f-1", minutes=1).call

    assert '"error_percent":0,' in slow.model_dump_json()
    assert '"error_percent": 0,' in (by_hand(slow) or "")
    assert of(slow).call == slow


def test_a_step_has_what_its_action_says_and_its_undo() -> None:
    """Off again for a canary that was off, and for one that was on its share and its lists."""
    reset = ResetCanary(route=Route.DAILY_SUMMARY)
    on = CanaryConfig(enabled=True, percentage=5, whitelist=("a", "b"))

    assert reset.step(None).undo is None
    assert reset.undo(CanaryConfig(enabled=False, percentage=0)) == DisableCanary(
        route=Route.DAILY_SUMMARY
    )
    assert reset.undo(on) == SetCanary(
        route=Route.DAILY_SUMMARY, percentage=5, whitelist="a,b", blacklist=""
    )
    step = DisableCanary(route=Route.DAILY_SUMMARY).step(reset, lasts_minutes=5)
    assert (step.undo, step.lowers_risk, step.lasts_minutes) == (reset.call, True, 5)


def test_a_call_of_another_release_has_no_command() -> None:
    """The account of its run is given all the same."""
    assert by_hand(Call(method="reset_everything", arguments={})) is None
    assert by_hand(Call(method="propose_change", arguments={})) is None
