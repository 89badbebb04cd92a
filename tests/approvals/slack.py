"""What Slack sends when somebody presses a button, made here where a test decides each part."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from httpx import Response
from slack_sdk.signature import SignatureVerifier

from tests.approvals.conftest import SIGNING_SECRET
from tests.approvals.parts import Door


def posted(
    door: Door,
    action: Mapping[str, Any],
    user: str | None,
    blocks: Sequence[Any],
    *,
    text: str = "",
    at: float | None = None,
    secret: str = SIGNING_SECRET,
    change: Mapping[str, Any] | None = None,
    **headers: str,
) -> Response:
    """Send a signed press of this button of a message."""
    body, signed_headers = signed(
        action,
        user,
        blocks,
        f"{door.sandbox.base_url}/slack/response",
        text=text,
        at=at,
        secret=secret,
        change=change,
    )
    return door.browser.post("/slack/interactions", content=body, headers=signed_headers | headers)


def signed(
    action: Mapping[str, Any],
    user: str | None,
    blocks: Sequence[Any],
    response_url: str,
    *,
    text: str = "",
    at: float | None = None,
    secret: str = SIGNING_SECRET,
    change: Mapping[str, Any] | None = None,
) -> tuple[str, dict[str, str]]:
    """Return body and headers of such a press."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "anna"},
        "actions": [action],
        "response_url": response_url,
        "message": {"text": text, "blocks": blocks},
    }
    body = urlencode({"payload": json.dumps(payload | dict(change or {}))})
    stamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature or "",
    }


def sent(door: Door, blocks: Sequence[Any], user: str | None, action_id: str) -> int:
    """Press the button of a message as a screen still shows it; returns the status."""
    (button,) = [
        each
        for block in blocks
        if block["type"] == "actions"
        for each in block["elements"]
        if each["action_id"] == action_id
    ]
    return posted(door, button, user, blocks).status_code
