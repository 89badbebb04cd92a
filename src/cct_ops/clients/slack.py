"""Messages to Slack, through prefect-slack's webhook block."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from pydantic import SecretStr

from cct_ops.clients.egress import authorities, proxy_for
from cct_ops.clients.patience import asked_for
from cct_ops.clients.text import one_line
from cct_ops.config.secret_references import is_url
from cct_ops.errors import BadConfiguration, ContractBroken, Rejected, Unavailable

SECTION_CHARACTERS = 3000
"""The limits of a text block: https://docs.slack.dev/reference/block-kit/blocks/section-block"""

_CUT_CODE = "…\n```"
# An entity or a link of which the cut has left only the beginning.
_OPENED = re.compile(r"(&[a-z]{0,3}|<[^<>]*)\Z")

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # at DEBUG Slack's client writes the webhook's URL, which is a secret


def escape(text: str) -> str:
    """
    Make text of others safe inside a message: one visible line, without markup of Slack.

    Slack reads mentions and links only between ``<`` and ``>``, so ``<!channel>`` shows literally.
    """
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitted(text: str, limit: int = SECTION_CHARACTERS) -> str:
    """
    Return markup cut to what a section takes; what it opened before the cut is whole or closed.

    Slack refuses a message with a longer section. A cut inside ``&amp;`` or ``<url|words>`` would
    show the rest as text, and one inside a code block would take all that follows into it.
    """
    if len(text) <= limit:
        return text
    cut = _OPENED.sub("", text[: limit - len(_CUT_CODE)])
    fence = len(cut) - len(cut.rstrip("`"))
    cut = cut[: len(cut) - fence % 3]
    return cut + (_CUT_CODE if cut.count("```") % 2 else "…")


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
