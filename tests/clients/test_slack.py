"""A message reaches Slack once, or the error says what to do; the webhook's URL stays secret."""

from __future__ import annotations

import logging

import pytest
from pydantic import SecretStr

from cct_ops.clients import slack
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Rejected, Unavailable
from tests.clients.conftest import Server

PATH = "/services/T0/B0/secret-part"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Canary* restored"}}]


def failure(server: Server, timeout_seconds: float = 10) -> OpsError:
    """Post once, and return the error after checking what holds for every error."""
    with pytest.raises(OpsError) as caught:
        slack.post(SecretStr(server.url + PATH), "text", BLOCKS, timeout_seconds)

    assert len(server.requests) == 1
    assert "secret-part" not in str(caught.value)
    return caught.value


def test_a_message_arrives_as_it_was_given(server: Server) -> None:
    """The text and the blocks, once."""
    slack.post(SecretStr(server.url + PATH), "Canary restored", BLOCKS)

    assert server.requests == [("POST", PATH, {"text": "Canary restored", "blocks": BLOCKS})]


def test_the_webhook_is_not_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything else is."""
    caplog.set_level(logging.DEBUG)

    slack.post(SecretStr(server.url + PATH), "Canary restored", BLOCKS)

    assert "secret-part" not in caplog.text


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_rejected(server: Server, status: int) -> None:
    """A revoked webhook or a bad block stays so; Slack's own word is in the message."""
    server.status, server.body = status, b"no_service"

    error = failure(server)

    assert isinstance(error, Rejected)
    assert error.status == status
    assert "no_service" in str(error)


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [(429, "30", 30), (429, "86400", 900), (429, "soon", None), (500, "", None), (503, "5", 5)],
)
def test_a_busy_slack_is_unavailable(
    server: Server, status: int, retry_after: str, expected: float | None
) -> None:
    """It says when to come back, and we do not come back by ourselves."""
    server.status, server.headers = status, {"Retry-After": retry_after}

    error = failure(server)

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == expected


def test_a_lost_answer_is_not_posted_again(server: Server) -> None:
    """The library's own default posts a second time after a broken connection."""
    server.hangs_up = True

    assert isinstance(failure(server), Unavailable)


def test_a_silent_slack_is_unavailable(server: Server) -> None:
    """A message is not worth holding up a playbook for."""
    server.silent = True

    assert isinstance(failure(server, timeout_seconds=0.05), Unavailable)


def test_nobody_there_is_unavailable() -> None:
    """A closed port is reported as one sentence."""
    with pytest.raises(Unavailable, match=r"^No answer from Slack: .*refused\.$"):
        slack.post(SecretStr("http://127.0.0.1:1/secret-part"), "text", [])


def test_a_page_is_not_slack_taking_a_message(server: Server) -> None:
    """Slack answers ok, and nothing but ok."""
    server.body = b"<html>Sign in</html>"

    assert isinstance(failure(server), ContractBroken)


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
