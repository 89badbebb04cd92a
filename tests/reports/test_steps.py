"""A step whose call only programs can read is told in words, wherever a person is asked."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from cct_ops.models.plan import Call, Step
from cct_ops.reports.asking import approval_message
from cct_ops.reports.render import approval_form
from cct_ops.reports.steps import shown
from tests.approvals.parts import asked
from tests.plans import CHANGE, PROPOSAL, PROPOSED, plan_of


def test_a_patch_is_told_operation_by_operation() -> None:
    (step,) = shown(PROPOSAL)

    assert step.words == PROPOSED
    assert step.parts == ('add /properties/<b>owner {"type": "string"}', "remove /required/2")


@pytest.mark.parametrize(
    "call",
    [
        Call(method="reset_canary", arguments={"route": "/daily-summary"}),
        Call(method="of_another_release", arguments={}),
        Call(method="propose_change", arguments={}),
        *(
            Call(method="propose_change", arguments={**CHANGE.call.arguments, "patch": patch})
            for patch in ("not JSON", "{}", "[1]", "1")
        ),
    ],
    ids=str,
)
def test_what_a_person_reads_anyway_or_nobody_can_tell_is_shown_as_it_is(call: Call) -> None:
    (step,) = shown(plan_of(Step(call=call, undo=None)))

    assert (step.words, step.parts) == (None, ())


def test_slack_and_prefect_ask_in_words(engine: sa.Engine) -> None:
    waiting = asked(engine, wanted=PROPOSAL)

    _, blocks = approval_message(waiting, None)
    in_slack, in_prefect = json.dumps(blocks, ensure_ascii=False), approval_form(waiting)

    assert PROPOSED in in_slack
    assert "• `remove /required/2`" in in_slack
    assert "   - `remove /required/2`" in in_prefect
    assert "propose_change(" not in in_slack + in_prefect
