"""What cannot be taken back is a person's decision, whatever else the plan says."""

from __future__ import annotations

import pytest

from cct_ops.models.plan import Call, ChangeHolds, Step
from tests.plans import plan_of

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
    assert plan_of(Step(call=CALL, undo=undo), needs_person=needs_person).person == person


UNDOABLE, LASTING = Step(call=CALL, undo=BACK), Step(call=CALL, undo=None)
SAFER = Step(call=Call(method="safer", arguments={}), undo=BACK, lowers_risk=True)


@pytest.mark.parametrize(
    ("steps", "otherwise"),
    [
        ((UNDOABLE, UNDOABLE), "what was done is undone."),
        ((LASTING, LASTING), "it stays as it is then: nothing of it can be undone."),
        ((SAFER,), "it stays as it is then: it lowers risk, so nobody undoes it."),
        ((UNDOABLE, LASTING), "what was done is undone, except for do(), which cannot be."),
        (
            (UNDOABLE, LASTING, SAFER),
            (
                "what was done is undone, except for do(), which cannot be, and for safer(),"
                " which lowers risk."
            ),
        ),
        (
            (LASTING, SAFER),
            "nothing is undone: not do(), which cannot be, and not safer(), which lowers risk.",
        ),
    ],
)
def test_what_is_promised_for_the_worst_case_is_what_the_steps_allow(
    steps: tuple[Step, ...], otherwise: str
) -> None:
    assert plan_of(*steps).otherwise == f"If it does not, {otherwise}"


@pytest.mark.parametrize(
    ("watch_seconds", "said"),
    [
        (0, "It is on."),
        (1, "It is on, still so after 1 second."),
        (300, "It is on, still so after 5 minutes."),
    ],
)
def test_what_is_not_watched_says_nothing_of_a_time(watch_seconds: float, said: str) -> None:
    assert ChangeHolds(what="It is on", watch_seconds=watch_seconds).summary == said
