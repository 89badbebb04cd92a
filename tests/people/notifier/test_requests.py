"""A request for approval loses its buttons in Slack however it ends, and says how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.actions.registry import by_hand
from cct_ops.controller import buttons
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.people import slack_threads
from cct_ops.models.run import Outcome
from cct_ops.models.topic import WAITS
from cct_ops.people.notifier import Notifier
from cct_ops.reports.asking import approval_message, link_message, topic_of, unanswered_message
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import ANNA, asked
from tests.people.notifier.threads import answers, heads, shown


def ask(engine: sa.Engine, notifier: Notifier, **terms: Any) -> Approval:
    """Ask for approval, and bring that to Slack as a run does."""
    approval = asked(engine, **terms)
    about = topic_of(approval, WAITS, needs_person=True)
    place = notifier.send(approval_message(approval, None), about)
    assert place is not None
    slack_threads.record_request(engine, approval.id, place)
    return approval


def say(engine: sa.Engine, approval: Approval, *, yes: bool) -> None:
    given = Answer.of(ANNA, "link", approved=yes, digest=approval.plan_digest)
    assert approval_answers.answer(engine, approval.id, given, person=ANNA).refusal is None


def request_of(sandbox: SandboxControl) -> dict[str, object]:
    """Return the request as it stands in its thread."""
    (head,) = heads(sandbox)
    return answers(sandbox, head)[0]


def kinds(request: dict[str, object]) -> list[str]:
    """Return of which blocks it is made."""
    blocks = request["blocks"]
    assert isinstance(blocks, list)
    return [block["type"] for block in blocks]


ENDS: dict[str, tuple[Callable[[sa.Engine, Approval], object], str, str]] = {
    "yes": (
        lambda engine, approval: say(engine, approval, yes=True),
        "Approved by Anna Ito at ",
        "Approved, at work",
    ),
    "no": (
        lambda engine, approval: say(engine, approval, yes=False),
        "Declined by Anna Ito at ",
        WAITS,
    ),
    "void": (
        lambda engine, approval: approvals.void(engine, approval.run_id, "The run died."),
        ": The run died.",
        WAITS,
    ),
}


@pytest.mark.parametrize("end", list(ENDS))
def test_an_answered_request_has_no_buttons(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl, end: str
) -> None:
    """The plan stays to be read; the run itself says how it ended, also after a no."""
    finish, words, state = ENDS[end]
    approval = ask(engine, notifier)
    assert buttons.sweep(engine, notifier) == 0
    assert "actions" in kinds(request_of(sandbox))

    finish(engine, approval)

    assert [buttons.sweep(engine, notifier) for _ in range(2)] == [1, 0]
    request = request_of(sandbox)
    assert "actions" not in kinds(request)
    assert words in shown(request)
    assert approval.plan.summary in shown(request)
    assert f" {state}: " in heads(sandbox)[0]["text"]


def test_a_request_that_ran_out_has_no_buttons(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl
) -> None:
    approval = ask(engine, notifier, seconds=0)
    assert approvals.expire(engine, approval.id)

    assert buttons.sweep(engine, notifier) == 1

    assert re.search(r"Expired at .*: nobody answered in time\.", shown(request_of(sandbox)))


def test_buttons_that_slack_could_not_take_off_are_taken_off_later(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl
) -> None:
    """But a message that somebody deleted is not tried for ever."""
    say(engine, ask(engine, notifier), yes=True)
    sandbox.faults(Fault(path="/slack/api/", count=1, error_status=503))
    assert buttons.sweep(engine, notifier) == 0
    assert buttons.sweep(engine, notifier) == 1

    say(engine, ask(engine, notifier), yes=False)
    for body in (*answers(sandbox, heads(sandbox)[1]),):
        sandbox.delete_slack_message(body["ts"])
    assert [buttons.sweep(engine, notifier) for _ in range(2)] == [1, 0]


def test_the_head_of_a_run_that_is_over_is_not_put_back(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl
) -> None:
    """The run may be faster than the sweep."""
    approval = ask(engine, notifier)
    say(engine, approval, yes=True)
    notifier.send(("done", []), topic_of(approval, Outcome.RESOLVED))

    assert buttons.sweep(engine, notifier) == 1

    assert " Resolved: " in heads(sandbox)[0]["text"]


def test_who_is_asked_gets_the_commands_of_the_steps(engine: sa.Engine) -> None:
    """In the message with the link, and once nobody answered."""
    approval = asked(engine)
    (command,) = [by_hand(call) for call in approval.plan.calls]
    assert command is not None
    for _, blocks in (
        link_message(approval, ANNA, "http://gateway.test/approvals/x"),
        unanswered_message(approval, ANNA.id, ANNA, "cct-ops run a"),
    ):
        assert f"```{command}```" in shown({"blocks": blocks})
