"""What is urgent pages who is on call, with Slack or without, and each thing once."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.slack_bot import SlackBot
from cct_ops.errors import Unavailable
from cct_ops.ledger.people import pages
from cct_ops.models.run import Outcome, Run, Severity
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Notifier, ask_for_page
from cct_ops.reports.messages import outcome_message
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.slack_store import channel_id
from cct_ops.settings import Settings
from tests.people.notifier.threads import heads

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


def test_what_is_urgent_pages_once_with_all_that_slack_is_told(engine: sa.Engine) -> None:
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
