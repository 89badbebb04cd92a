"""Requests for approval and pages as people get them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.actions.registry import by_hand
from cct_ops.clients.slack import SlackBot
from cct_ops.controller import buttons
from cct_ops.errors import Unavailable
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.people import pages, slack_threads
from cct_ops.models.run import Outcome, Run, Severity
from cct_ops.models.topic import WAITS, Topic
from cct_ops.people.notifier import Notifier, ask_for_page
from cct_ops.reports.asking import approval_message, link_message, topic_of, unanswered_message
from cct_ops.reports.messages import outcome_message
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.sandbox.slack_store import channel_id
from cct_ops.settings import Settings
from tests.approvals.parts import ANNA, asked
from tests.people.notifier.threads import answers, heads, shown


def ask(engine: sa.Engine, notifier: Notifier, **requirement: Any) -> Approval:
    """Ask for approval, and bring that to Slack as a run does."""
    approval = asked(engine, **requirement)
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


RUN = Run(id=uuid4(), name="a run", playbook="auto-rollback", incident_id=uuid4())
ENDED = outcome_message(
    RUN,
    "/daily-summary",
    Outcome.FAILED,
    "The undo <!channel> failed as well.",
    "https://prefect.example/runs/1",
)
FAILED = Topic.of(RUN, "/daily-summary", Outcome.FAILED, Severity.P0)


def paged(engine: sa.Engine) -> list[tuple[str, str]]:
    """Return subject and body of each page, oldest first."""
    return [(each.page.subject, each.page.body) for each in reversed(pages.newest(engine, 9))]


def test_what_is_urgent_pages_once_with_all_that_slack_gets(engine: sa.Engine) -> None:
    """Without a Slack too; said again by a retry it is the same, about another incident not."""
    notifier = Notifier.of(engine, Settings(slack_webhook_url=None))
    notifier.send(ENDED, FAILED)
    assert paged(engine) == []

    for _ in range(2):
        notifier.send(ENDED, FAILED, urgent=True)
    ((subject, body),) = paged(engine)
    assert subject == "P0: Failed: auto-rollback on /daily-summary"
    assert body.splitlines() == [
        "The undo [!channel] failed as well.",
        "The run in Prefect: https://prefect.example/runs/1",
    ]
    (page,) = (each.page for each in pages.newest(engine, 9))
    assert page.topic_id == RUN.incident_id

    notifier.send(ENDED, FAILED.model_copy(update={"id": uuid4()}), urgent=True)
    assert len(paged(engine)) == 2


def test_a_page_has_only_commands_that_can_be_typed_as_they_stand(engine: sa.Engine) -> None:
    commands = ("cct-ops run x --limits '{\"p95_latency_ms\": 9000}'", "cct-ops why 7")
    message = outcome_message(RUN, "/daily-summary", Outcome.FAILED, "No.", None, commands)
    Notifier.of(engine, Settings(slack_webhook_url=None)).send(message, FAILED, urgent=True)

    ((_, body),) = paged(engine)
    assert body.splitlines() == ["No.", "By hand", "One more command is in Slack.", "cct-ops why 7"]


def test_what_ends_many_runs_at_once_pages_once_for_them_all(engine: sa.Engine) -> None:
    for target in ("/daily-summary", "/weekly-review"):
        message = outcome_message(RUN, target, Outcome.FAILED, "No answer.", None)
        topic = Topic.of(RUN, target, Outcome.FAILED)
        ask_for_page(engine, message, topic, shared="CCT gave no answer")

    ((subject, body),) = paged(engine)
    assert subject == "Failed: auto-rollback on /daily-summary"
    assert body.endswith("Slack alone reports others that end so: CCT gave no answer.")


def test_a_slack_that_is_down_holds_up_no_page(engine: sa.Engine) -> None:
    nowhere = Settings(slack_webhook_url=SecretStr("http://127.0.0.1:1/slack"))
    with pytest.raises(Unavailable):
        Notifier.of(engine, nowhere).send(ENDED, FAILED, urgent=True)

    assert len(paged(engine)) == 1


def test_the_bot_begins_its_threads_in_the_channel_of_the_severity(
    engine: sa.Engine, bot: SlackBot, sandbox: SandboxControl
) -> None:
    """Where there is none for it, in its own; and a thread stays where it began."""
    notifier = Notifier(engine, bot=bot, channels={Severity.P0: "#engineering"})
    quiet = FAILED.model_copy(update={"id": uuid4(), "severity": Severity.P2})
    notifier.send(ENDED, FAILED)
    notifier.send(ENDED, quiet)
    replace(notifier, channels={}).send(ENDED, FAILED)

    wanted = [channel_id("#engineering"), channel_id(bot.channel)]
    assert [body["channel"] for body in heads(sandbox)] == wanted
