"""A message reaches Slack once, or the error says what to do; webhook and token stay secret."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from cct_ops.clients import slack
from cct_ops.clients.slack import SlackBot
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Rejected, Unavailable
from cct_ops.models.topic import MessageRef
from tests.clients.conftest import Server
from tests.stack.polling import eventually

PATH = "/services/T0/B0/secret-part"
TOKEN = "xoxb-secret-part"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Canary* restored"}}]
TAKEN = b'{"ok": true, "channel": "C0", "ts": "1700000000.000100", "message": {}}'


def bot(url: str, timeout_seconds: float = 10) -> SlackBot:
    """Speak to this server."""
    return SlackBot(SecretStr(TOKEN), "#incidents", f"{url}/api/", int(timeout_seconds))


def by_webhook(url: str, timeout_seconds: float = 10) -> None:
    """Post once, by the webhook's address."""
    slack.post(SecretStr(url + PATH), "text", BLOCKS, timeout_seconds)


def by_bot(url: str, timeout_seconds: float = 10) -> None:
    """Post once, as the bot."""
    bot(url, timeout_seconds).post("text", BLOCKS)


Post = Callable[..., None]
EITHER = pytest.mark.parametrize("post", [by_webhook, by_bot])


def failure(server: Server, post: Post, timeout_seconds: float = 10) -> OpsError:
    """Post once, and return the error after checking what holds for every error."""
    with pytest.raises(OpsError) as caught:
        post(server.url, timeout_seconds)

    eventually(lambda: server.requests)  # a short patience may end before it is written down
    assert len(server.requests) == 1
    assert "secret-part" not in str(caught.value)
    return caught.value


@pytest.fixture
def bots_slack(server: Server) -> Server:
    """A Slack that takes what a bot posts."""
    server.body, server.headers = TAKEN, {"Content-Type": "application/json"}
    return server


def test_a_message_arrives_as_it_was_given(server: Server) -> None:
    """The text and the blocks, once."""
    slack.post(SecretStr(server.url + PATH), "Canary restored", BLOCKS)

    assert server.requests == [("POST", PATH, {"text": "Canary restored", "blocks": BLOCKS})]


def test_a_message_and_an_answer_arrive_as_they_were_given(bots_slack: Server) -> None:
    speaker = bot(bots_slack.url)
    place = speaker.post("Canary restored", BLOCKS)
    speaker.post("Really", BLOCKS, place, broadcast=True)
    speaker.update(place, "Canary gone", BLOCKS)

    assert place == MessageRef(channel="C0", ts="1700000000.000100")
    said = {"text": "Canary restored", "blocks": BLOCKS}
    assert bots_slack.requests == [
        ("POST", "/api/chat.postMessage", {"channel": "#incidents", **said}),
        (
            "POST",
            "/api/chat.postMessage",
            {
                "channel": "C0",
                "thread_ts": place.ts,
                "reply_broadcast": True,
                **said,
                "text": "Really",
            },
        ),
        (
            "POST",
            "/api/chat.update",
            {"channel": "C0", "ts": place.ts, **said, "text": "Canary gone"},
        ),
    ]


@EITHER
def test_neither_webhook_nor_token_is_logged(
    server: Server, caplog: pytest.LogCaptureFixture, post: Post
) -> None:
    """Not even where everything else is."""
    server.body = TAKEN if post is by_bot else b"ok"
    caplog.set_level(logging.DEBUG)

    post(server.url)

    assert "secret-part" not in caplog.text


def test_it_speaks_where_an_event_loop_runs(bots_slack: Server) -> None:
    async def say() -> MessageRef:
        return bot(bots_slack.url).post("Canary restored", BLOCKS)

    assert asyncio.run(say()).channel == "C0"


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_rejected(server: Server, status: int) -> None:
    """A revoked webhook or a bad block stays so; Slack's own word is in the message."""
    server.status, server.body = status, b"no_service"

    error = failure(server, by_webhook)

    assert isinstance(error, Rejected)
    assert error.status == status
    assert "no_service" in str(error)


@pytest.mark.parametrize("word", ["invalid_auth", "channel_not_found", "not_in_channel"])
def test_a_refusal_is_rejected_with_slacks_own_word(bots_slack: Server, word: str) -> None:
    bots_slack.body = json.dumps({"ok": False, "error": word}).encode()

    error = failure(bots_slack, by_bot)

    assert isinstance(error, Rejected)
    assert (error.code, word in str(error)) == (word, True)


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [(429, "30", 30), (429, "86400", 900), (429, "soon", None), (500, "", None), (503, "5", 5)],
)
def test_a_busy_slack_is_unavailable_to_the_webhook(
    server: Server, status: int, retry_after: str, expected: float | None
) -> None:
    """It says when to come back, and we do not come back by ourselves."""
    server.status, server.headers = status, {"Retry-After": retry_after}

    error = failure(server, by_webhook)

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == expected


@pytest.mark.parametrize(
    ("status", "retry_after", "word", "expected"),
    [
        (429, "30", "ratelimited", 30),
        (429, "86400", "ratelimited", 900),
        (429, "soon", "ratelimited", None),
        (500, "", "", None),
        (503, "5", "service_unavailable", 5),
        (200, "", "internal_error", None),
        (200, "", "ratelimited", None),
    ],
)
def test_a_busy_slack_is_unavailable_to_the_bot(
    bots_slack: Server, status: int, retry_after: str, word: str, expected: float | None
) -> None:
    bots_slack.status, bots_slack.body = status, json.dumps({"ok": False, "error": word}).encode()
    bots_slack.headers = bots_slack.headers | {"Retry-After": retry_after}

    error = failure(bots_slack, by_bot)

    assert isinstance(error, Unavailable)
    assert (error.retry_after_seconds, error.refused) == (expected, status == 429)


@EITHER
def test_a_lost_answer_is_not_posted_again(server: Server, post: Post) -> None:
    """The library's own default posts a second time after a broken connection."""
    server.hangs_up = True

    assert isinstance(failure(server, post), Unavailable)


@pytest.mark.parametrize(("post", "seconds"), [(by_webhook, 0.05), (by_bot, 1)])
def test_a_silent_slack_is_unavailable(server: Server, post: Post, seconds: float) -> None:
    """A message is not worth holding up a playbook for."""
    server.silent = True

    assert isinstance(failure(server, post, seconds), Unavailable)


@pytest.mark.parametrize(("post", "end"), [(by_webhook, r".*refused\.$"), (by_bot, "")])
def test_nobody_there_is_unavailable(post: Post, end: str) -> None:
    """A closed port is reported as one sentence."""
    with pytest.raises(Unavailable, match=rf"^No answer from Slack: {end}"):
        post("http://127.0.0.1:1")


def test_a_page_is_not_slack_taking_the_webhooks_message(server: Server) -> None:
    """Slack answers ok, and nothing but ok."""
    server.body = b"<html>Sign in</html>"

    assert isinstance(failure(server, by_webhook), ContractBroken)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<html>Sign in</html>"),
        ("text/plain", b"ok"),
        ("application/json", b"{}"),
        ("application/json", b'{"ok": true}'),
        ("application/json", b"[]"),
        ("application/json", b"{"),
    ],
)
def test_a_page_is_not_slack_taking_the_bots_message(
    bots_slack: Server, kind: str, body: bytes
) -> None:
    bots_slack.body, bots_slack.headers = body, {"Content-Type": kind}

    assert isinstance(failure(bots_slack, by_bot), ContractBroken)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.test/secret",
        "file:///secret",
        "http://h:secret/",
        "http://h/sec ret",
        "http://[secret",
    ],
)
def test_a_webhook_that_is_no_url_is_refused(url: str) -> None:
    """Said before anything leaves, and without showing it."""
    with pytest.raises(BadConfiguration) as caught:
        slack.post(SecretStr(url), "text", [])

    assert "sec" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "xoxb-sec ret", "xoxb-sec\nret", "xoxb-séc"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Said before anything leaves, and without showing it."""
    with pytest.raises(BadConfiguration) as caught:
        SlackBot(SecretStr(token), "#incidents", "http://127.0.0.1:1/").post("text", [])

    assert "sec" not in str(caught.value)
