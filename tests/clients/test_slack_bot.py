"""A bot's message reaches Slack once, or the error says what to do; its token stays secret."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from pydantic import SecretStr

from cct_ops.clients.slack import SlackBot
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Rejected, Unavailable
from cct_ops.models.topic import MessageRef
from tests.clients.conftest import Server

TOKEN = "xoxb-secret-part"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Canary* restored"}}]
TAKEN = b'{"ok": true, "channel": "C0", "ts": "1700000000.000100", "message": {}}'


def bot(server: Server, timeout_seconds: int = 10) -> SlackBot:
    """Speak to this server."""
    return SlackBot(SecretStr(TOKEN), "#incidents", f"{server.url}/api/", timeout_seconds)


def failure(server: Server, timeout_seconds: int = 10) -> OpsError:
    """Post once, and return the error after checking what holds for every error."""
    with pytest.raises(OpsError) as caught:
        bot(server, timeout_seconds).post("text", BLOCKS)

    assert len(server.requests) == 1
    assert "secret-part" not in str(caught.value)
    return caught.value


@pytest.fixture
def slack(server: Server) -> Server:
    """A Slack that takes what it is told."""
    server.body, server.headers = TAKEN, {"Content-Type": "application/json"}
    return server


def test_a_message_and_an_answer_arrive_as_they_were_given(slack: Server) -> None:
    speaker = bot(slack)
    place = speaker.post("Canary restored", BLOCKS)
    speaker.post("Really", BLOCKS, place, broadcast=True)
    speaker.update(place, "Canary gone", BLOCKS)

    assert place == MessageRef(channel="C0", ts="1700000000.000100")
    said = {"text": "Canary restored", "blocks": BLOCKS}
    assert slack.requests == [
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


def test_the_token_is_not_logged(slack: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything else is."""
    caplog.set_level(logging.DEBUG)

    bot(slack).post("Canary restored", BLOCKS)

    assert "secret-part" not in caplog.text


def test_it_speaks_where_an_event_loop_runs(slack: Server) -> None:
    async def say() -> MessageRef:
        return bot(slack).post("Canary restored", BLOCKS)

    assert asyncio.run(say()).channel == "C0"


@pytest.mark.parametrize("word", ["invalid_auth", "channel_not_found", "not_in_channel"])
def test_a_refusal_is_rejected_with_slacks_own_word(slack: Server, word: str) -> None:
    slack.body = json.dumps({"ok": False, "error": word}).encode()

    error = failure(slack)

    assert isinstance(error, Rejected)
    assert (error.code, word in str(error)) == (word, True)


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
def test_a_busy_slack_is_unavailable(
    slack: Server, status: int, retry_after: str, word: str, expected: float | None
) -> None:
    """It says when to come back, and we do not come back by ourselves."""
    slack.status, slack.body = status, json.dumps({"ok": False, "error": word}).encode()
    slack.headers = slack.headers | {"Retry-After": retry_after}

    error = failure(slack)

    assert isinstance(error, Unavailable)
    assert (error.retry_after_seconds, error.refused) == (expected, status == 429)


def test_a_lost_answer_is_not_posted_again(slack: Server) -> None:
    slack.hangs_up = True

    assert isinstance(failure(slack), Unavailable)


def test_a_silent_slack_is_unavailable(slack: Server) -> None:
    slack.silent = True

    assert isinstance(failure(slack, timeout_seconds=1), Unavailable)


def test_nobody_there_is_unavailable() -> None:
    nowhere = SlackBot(SecretStr(TOKEN), "#incidents", "http://127.0.0.1:1/api/")
    with pytest.raises(Unavailable, match=r"^No answer from Slack: "):
        nowhere.post("text", [])


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
def test_a_page_is_not_slack_taking_a_message(slack: Server, kind: str, body: bytes) -> None:
    slack.body, slack.headers = body, {"Content-Type": kind}

    assert isinstance(failure(slack), ContractBroken)


@pytest.mark.parametrize("token", ["", "xoxb-sec ret", "xoxb-sec\nret", "xoxb-séc"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Said before anything leaves, and without showing it."""
    with pytest.raises(BadConfiguration) as caught:
        SlackBot(SecretStr(token), "#incidents", "http://127.0.0.1:1/").post("text", [])

    assert "sec" not in str(caught.value)
