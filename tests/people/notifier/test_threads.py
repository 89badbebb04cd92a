"""One incident is one thread, whoever speaks and however often; its head shows where it stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.slack import SlackBot
from cct_ops.errors import Rejected, Unavailable
from cct_ops.models.run import Outcome, Severity
from cct_ops.models.topic import OPEN, WAITS, Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import Message
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.people.notifier.threads import answers, heads

API = "/slack/api/"


def message(words: str) -> tuple[str, list[dict[str, object]]]:
    """Say these words and nothing else."""
    return words, [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]


def topic(
    topic_id: UUID | None = None, state: str = OPEN, severity: Severity | None = Severity.P1
) -> Topic:
    """Speak about an incident."""
    title = "auto-rollback on /daily-summary"
    return Topic(id=topic_id or uuid4(), title=title, state=state, severity=severity)


def test_what_is_said_about_one_incident_is_one_thread(
    notifier: Notifier, sandbox: SandboxControl
) -> None:
    about, other = topic(), topic()
    for each, words in ((about, "one"), (other, "apart"), (about, "two")):
        notifier.send(message(words), each)

    first, second = heads(sandbox)
    assert [body["text"] for body in answers(sandbox, first)] == ["one", "two"]
    assert [body["text"] for body in answers(sandbox, second)] == ["apart"]


def test_the_head_shows_where_it_stands(notifier: Notifier, sandbox: SandboxControl) -> None:
    """And keeps the severity for those who do not know it; it is not touched for nothing."""
    about = topic(state=WAITS, severity=Severity.P0)
    notifier.send(message("asked"), about)
    notifier.send(message("asked again"), about)
    (head,) = heads(sandbox)
    assert head["text"] == ":raised_hand: Waits for approval: auto-rollback on /daily-summary (P0)"
    assert head["edits"] == 0

    notifier.send(message("done"), topic(about.id, Outcome.RESOLVED, None))

    (head,) = heads(sandbox)
    assert head["text"] == ":white_check_mark: Resolved: auto-rollback on /daily-summary (P0)"
    assert head["edits"] == 1
    assert head["text"] in str(head["blocks"])


def test_the_head_can_change_without_a_word(notifier: Notifier, sandbox: SandboxControl) -> None:
    """But no thread is made for that, and what is newer is not overwritten."""
    about = topic(state=WAITS)
    notifier.show(about, instead_of=WAITS)
    assert heads(sandbox) == []

    notifier.send(message("one"), about)
    for state in ("Approved, at work", Outcome.VOID):
        notifier.show(topic(about.id, state), instead_of=WAITS)

    (head,) = heads(sandbox)
    assert head["text"].startswith(":gear: Approved, at work: ")
    assert len(answers(sandbox, head)) == 1


def test_two_first_words_at_once_make_one_thread(
    engine: sa.Engine, bot: SlackBot, sandbox: SandboxControl
) -> None:
    """Each speaker has its own connection, as processes have; Slack takes its time."""
    sandbox.faults(Fault(path=API, latency_ms=150))
    about = topic()
    with ThreadPoolExecutor(6) as speakers:
        said = [
            speakers.submit(Notifier(engine, None, bot).send, message(str(number)), about)
            for number in range(6)
        ]
        for each in said:
            each.result()

    (head,) = heads(sandbox)
    assert sorted(body["text"] for body in answers(sandbox, head)) == list("012345")


def test_a_lost_answer_about_the_head_costs_a_second_head(
    engine: sa.Engine, bot: SlackBot, sandbox: SandboxControl
) -> None:
    """Twice is better than never: the caller says it again, and the second is the thread."""
    hasty = Notifier(engine, None, SlackBot(bot.token, bot.channel, bot.base_url, 1))
    sandbox.faults(Fault(path=API, count=1, apply_then_hang=True))
    about = topic()
    with pytest.raises(Unavailable, match="took too long"):
        hasty.send(message("one"), about)

    for words in ("one", "two"):
        hasty.send(message(words), about)

    alone, head = heads(sandbox)
    assert answers(sandbox, alone) == []
    assert [body["text"] for body in answers(sandbox, head)] == ["one", "two"]


def test_a_refused_word_leaves_the_thread_for_the_next(
    notifier: Notifier, sandbox: SandboxControl
) -> None:
    """The head stands, the word behind it did not fit: it is said again, below the same head."""
    about = topic()
    notifier.send(message("one"), about)
    sandbox.faults(Fault(path=API, count=1, too_many_requests_retry_after="7"))
    with pytest.raises(Unavailable) as caught:
        notifier.send(message("two"), about)
    assert (caught.value.retry_after_seconds, caught.value.refused) == (7, True)

    notifier.send(message("two"), about)

    (head,) = heads(sandbox)
    assert [body["text"] for body in answers(sandbox, head)] == ["one", "two"]


def test_a_thread_that_somebody_deleted_is_begun_anew(
    notifier: Notifier, sandbox: SandboxControl
) -> None:
    """At the latest when the state changes; until then the words stand in the channel itself."""
    about = topic()
    notifier.send(message("one"), about)
    sandbox.delete_slack_message(heads(sandbox)[0]["ts"])

    notifier.send(message("two"), about)
    assert [body["text"] for body in heads(sandbox)] == ["two"]

    notifier.send(message("three"), topic(about.id, Outcome.RESOLVED))
    head = heads(sandbox)[-1]
    assert [body["text"] for body in answers(sandbox, head)] == ["three"]


def test_what_needs_a_person_is_seen_in_the_channel_too(
    notifier: Notifier, sandbox: SandboxControl
) -> None:
    """Nobody reads a thread that nobody follows; the first word is seen by its head."""
    about = topic().model_copy(update={"needs_person": True})
    notifier.send(message("one"), about)
    notifier.send(message("two"), about)
    notifier.send(message("three"), about.model_copy(update={"needs_person": False}))

    (head,) = heads(sandbox)
    seen = [bool(body.get("reply_broadcast")) for body in answers(sandbox, head)]
    assert seen == [False, True, False]


def test_a_bot_that_slack_refuses_leaves_it_to_the_webhook(
    engine: sa.Engine, bot: SlackBot, sandbox: SandboxControl
) -> None:
    """A wrong channel must not silence an incident; without a webhook it is an error."""
    lost = SlackBot(bot.token, "nowhere", bot.base_url)
    with pytest.raises(Rejected, match="channel_not_found"):
        Notifier(engine, None, lost).send(message("one"), topic())

    webhook = SecretStr(f"{sandbox.base_url}/slack/incidents")
    Notifier(engine, webhook, lost).send(message("two"), topic())

    (said,) = sandbox.slack_messages()
    assert (said.path, said.body["text"]) == ("/slack/incidents", "two")


def test_what_is_about_nothing_stands_alone(notifier: Notifier, sandbox: SandboxControl) -> None:
    notifier.send(message("the gateway is silent"))

    assert [body["text"] for body in heads(sandbox)] == ["the gateway is silent"]


def test_the_one_on_call_is_reached_even_where_slack_is_not(
    engine: sa.Engine, bot: SlackBot, sandbox: SandboxControl
) -> None:
    """And only about what is urgent."""
    paged: list[tuple[Message, Topic | None]] = []
    notifier = Notifier(engine, None, bot, lambda words, topic: paged.append((words, topic)))
    about = topic()
    notifier.send(message("it goes well"), about)
    sandbox.faults(Fault(path=API, error_status=503))

    with pytest.raises(Unavailable):
        notifier.send(message("it burns"), about, urgent=True)

    assert paged == [(message("it burns"), about)]
