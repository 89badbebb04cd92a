"""Messages to Slack: by prefect-slack's webhook block, by a bot, in answer to a button."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from cct_ops.clients.connection import asked_for, authorities, proxy_for
from cct_ops.clients.text import one_line
from cct_ops.config.secret_references import is_url
from cct_ops.errors import BadConfiguration, ContractBroken, Rejected, Unavailable
from cct_ops.models.topic import MessageRef

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

_log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10

# Slack's own words for a failure that is not the request's.
_PASSES = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}

Blocks = Sequence[Mapping[str, Any]]


_log.setLevel(logging.INFO)  # at DEBUG Slack's client writes the webhook's URL, which is a secret


def post(
    webhook_url: SecretStr,
    text: str,
    blocks: Sequence[Mapping[str, Any]],
    timeout_seconds: float = 10,
) -> None:
    """
    Post one message, once; ``text`` is what notifications show of it.

    After ``Unavailable`` without an answer the message may stand in Slack nevertheless.
    """
    from prefect_slack import SlackWebhook  # takes seconds, and most runs never post
    from slack_sdk.errors import SlackClientError

    check(webhook_url)
    client = SlackWebhook(url=webhook_url).get_client(sync_client=True)
    client.proxy = proxy_for(client.url)  # Slack's client itself knows no NO_PROXY
    client.ssl = authorities()
    client.retry_handlers = []  # the default one posts again after a broken connection
    client.timeout = timeout_seconds
    client.logger = _log
    try:
        response = client.send(text=text, blocks=[dict(block) for block in blocks])
    except (OSError, HTTPException, SlackClientError, UnicodeDecodeError) as exc:
        reason = exc.reason if isinstance(exc, URLError) else exc
        raise Unavailable(f"No answer from Slack: {one_line(str(reason), 200)}.") from exc
    _judge(response.status_code, response.body, dict(response.headers))


def check(webhook_url: SecretStr) -> None:
    """Refuse what is not a URL: it is a secret, and the HTTP library's own error would show it."""
    if not is_url(webhook_url.get_secret_value()):
        raise BadConfiguration("The Slack webhook is not an http(s) URL: copy it from Slack again.")


def _judge(status: int, body: str, headers: Mapping[str, str]) -> None:
    """Raise the error that Slack's answer means, if it means one."""
    words = one_line(body, 200) or "no words"
    if status == 429 or status >= 500:
        raise Unavailable(
            f"Slack answered {status} to a message: {words}.",
            retry_after_seconds=asked_for(headers),
        )
    if status != 200:
        raise Rejected(f"Slack answered {status} to a message: {words}.", status=status)
    # A redirect is followed as a GET, and then a 200 is some page and not Slack taking a message.
    if body.strip() != "ok":
        raise ContractBroken(f"Slack answered 200 to a message, but not with ok: {words}.")


def replace_message(
    response_url: str, allowed: str, text: str, blocks: Sequence[Mapping[str, Any]]
) -> None:
    """Put ``blocks`` in the place of the message whose button was pressed."""
    body = {"replace_original": True, "text": text, "blocks": [dict(block) for block in blocks]}
    _send(response_url, allowed, body)


def whisper(response_url: str, allowed: str, text: str) -> None:
    """Send a text to the person alone who pressed the button."""
    body = {"response_type": "ephemeral", "replace_original": False, "text": text}
    _send(response_url, allowed, body)


def _send(response_url: str, allowed: str, body: Mapping[str, Any]) -> None:
    """Send once; ``allowed`` is the only scheme, host and port that is ever asked."""
    if urlsplit(response_url)[:2] != urlsplit(allowed)[:2]:
        raise Rejected("Slack's answer address is not on Slack's host; it was not used.")
    try:
        answer = httpx.post(response_url, json=body, timeout=10, follow_redirects=False)
    except httpx.HTTPError as error:
        raise Unavailable(f"No answer from Slack: {type(error).__name__}.") from None
    if answer.status_code >= 300:
        raise Rejected(
            f"Slack answered {answer.status_code} to an update.", status=answer.status_code
        )


@dataclass(frozen=True)
class SlackBot:
    """
    One bot in one channel; each call is made once.

    After ``Unavailable`` without an answer a message may stand in Slack nevertheless.
    """

    token: SecretStr
    channel: str
    base_url: str
    timeout_seconds: int = TIMEOUT_SECONDS

    def post(
        self,
        text: str,
        blocks: Blocks,
        thread: MessageRef | None = None,
        *,
        broadcast: bool = False,
    ) -> MessageRef:
        """Post into the channel or a thread; ``broadcast`` shows an answer in the channel too."""
        said = self._ask(
            lambda client: client.chat_postMessage(
                channel=thread.channel if thread else self.channel,
                thread_ts=thread.ts if thread else None,
                reply_broadcast=broadcast or None,
                text=text,
                blocks=[dict(block) for block in blocks],
            )
        )
        try:
            return MessageRef(channel=str(said["channel"]), ts=str(said["ts"]))
        except KeyError as error:
            raise ContractBroken(f"Slack took a message without saying its {error}.") from None

    def update(self, place: MessageRef, text: str, blocks: Blocks) -> None:
        """Put this in the place of a message of ours."""
        self._ask(
            lambda client: client.chat_update(
                channel=place.channel,
                ts=place.ts,
                text=text,
                blocks=[dict(block) for block in blocks],
            )
        )

    def who(self) -> str:
        """Say as whom, and where, the token speaks."""
        said = self._ask(lambda client: client.auth_test())
        return f"{said.get('user', 'a bot')} in {said.get('team', 'a workspace')}"

    def _ask(self, call: Callable[[AsyncWebClient], Awaitable[Any]]) -> Mapping[str, Any]:
        # takes seconds, and most runs never post
        import aiohttp
        from prefect_slack import SlackCredentials
        from slack_sdk.errors import SlackApiError, SlackClientError

        _check(self.token)
        client = SlackCredentials(token=self.token).get_client()
        client.base_url = self.base_url
        client.timeout = self.timeout_seconds
        client.proxy = proxy_for(self.base_url)  # Slack's client itself knows no NO_PROXY
        client.ssl = authorities()
        client.retry_handlers = []  # the default one posts again after a broken connection

        async def answered() -> Any:
            return await call(client)

        try:
            # In a thread of its own: whoever speaks may have an event loop in this one.
            with ThreadPoolExecutor(1) as apart:
                answer = apart.submit(asyncio.run, answered()).result()
        except SlackApiError as error:
            raise _meant(error.response) from None
        except TimeoutError:
            raise Unavailable("No answer from Slack: it took too long.") from None
        except (OSError, aiohttp.ClientError, SlackClientError) as error:
            reason = one_line(str(error) or type(error).__name__, 200)
            raise Unavailable(f"No answer from Slack: {reason}.") from error
        except AttributeError as error:  # the library's, about an answer in plain text
            raise ContractBroken("Slack answered 200 to a message, but not in JSON.") from error
        data: Mapping[str, Any] = answer.data
        return data


def _check(token: SecretStr) -> None:
    """Refuse what is no token: the HTTP library's own error would show it."""
    value = token.get_secret_value()
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise BadConfiguration("SLACK_BOT_TOKEN is no token of Slack: copy it from Slack again.")


def _meant(answer: Any) -> Unavailable | Rejected | ContractBroken:
    """Return the error that Slack's answer means."""
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0))
    data = getattr(answer, "data", None)
    word = one_line(str(data.get("error", "")), 80) if isinstance(data, Mapping) else ""
    if status == 429 or status >= 500 or word in _PASSES:
        return Unavailable(
            f"Slack answered {status} to a message: {word or 'no words'}.",
            retry_after_seconds=asked_for(answer.headers),
            refused=status == 429,
        )
    if not word:
        return ContractBroken(f"Slack answered {status} to a message, in a shape that is not its.")
    return Rejected(f"Slack refused a message: {word}.", status=status, code=word)
