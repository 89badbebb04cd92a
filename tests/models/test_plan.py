"""What cannot be taken back is a person's decision, whatever else the plan says."""

from __future__ import annotations

import pytest

from cct_ops.models.plan import Call, Plan, Step
from cct_ops.models.steady_state import ChangeHolds

CALL, BACK = Call(method="do", arguments={}), Call(method="undo", arguments={})


@pytest.mark.parametrize(
    ("undo", "needs_person", "person"),
    [
        (BACK, None, None),
        (BACK, "It is delicate.", "It is delicate."),
        (None, None, "It cannot be taken back: do()."),
        (None, "It is delicate.", "It is delicate."),
    ],
)
def test_an_irreversible_step_needs_a_person(
    undo: Call | None, needs_person: str | None, person: str | None
) -> None:
    plan = Plan(
        playbook="a-playbook",
        target="a target",
        summary="One step.",
        blast_radius="None.",
        steps=(Step(call=CALL, undo=undo),),
        steady_state=ChangeHolds(what="So it is", watch_seconds=0),
        state={},
        needs_person=needs_person,
    )

    assert plan.person == person


@pytest.mark.parametrize(
    ("undos", "otherwise"),
    [
        ((BACK, BACK), "If it does not, what was done is undone."),
        ((None, None), "If it does not, it stays as it is then: nothing of it can be undone."),
        ((BACK, None), "If it does not, what was done is undone, except for what cannot be: do()."),
    ],
)
def test_what_is_promised_for_the_worst_case_is_what_the_steps_allow(
    undos: tuple[Call | None, ...], otherwise: str
) -> None:
    plan = Plan(
        playbook="a-playbook",
        target="a target",
        summary="Some steps.",
        blast_radius="None.",
        steps=tuple(Step(call=CALL, undo=undo) for undo in undos),
        steady_state=ChangeHolds(what="So it is", watch_seconds=0),
        state={},
    )

    assert plan.otherwise == otherwise


def test_what_lowers_risk_is_not_promised_to_be_undone() -> None:
    plan = Plan(
        playbook="a-playbook",
        target="a target",
        summary="One step.",
        blast_radius="None.",
        steps=(Step(call=CALL, undo=BACK, lowers_risk=True),),
        steady_state=ChangeHolds(what="So it is", watch_seconds=0),
        state={},
    )

    assert "it lowers risk, so nobody undoes it" in plan.otherwise
