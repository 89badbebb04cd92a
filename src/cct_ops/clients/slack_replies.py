"""Answers to what somebody pressed in Slack, sent to the address that came with the press."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from cct_ops.errors import Rejected, Unavailable


def replace_message(
    response_url: str, allowed: str, text: str, blocks: Sequence[Mapping[str, Any]]
) -> None:
    """Put ``blocks`` in the place of the message whose button was pressed."""
    body = {"replace_original": True, "text": text, "blocks": [dict(block) for block in blocks]}
    _send(response_url, allowed, body)


def whisper(response_url: str, allowed: str, text: str) -> None:
    """Tell something to the person alone who pressed the button."""
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
