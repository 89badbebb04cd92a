"""
Buttons in Slack: what it sends to an app when somebody presses one, and what it takes in answer.

The app has three seconds. The address that comes with a press takes five answers within half an
hour: for the person alone, or in the place of the message.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.fault_response import posted_object
from cct_ops.sandbox.slack_store import CHANNELS, Pressed
from cct_ops.sandbox.world import world_of

WAITS_SECONDS = 3.0
ANSWERS_SECONDS = 1800
_USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


async def _press(request: Request) -> Response:
    """Let a user press a button of a bot's message; says what the app answered and how fast."""
    given, store = await request.json(), world_of(request).slack
    message = store.find(given["channel"], given["ts"])
    button = _button(message, given["action_id"]) if message else None
    if message is None or button is None:
        return PlainTextResponse("no such button", 404)
    token = token_hex(12)
    until = time.monotonic() + ANSWERS_SECONDS
    store.pressed[token] = Pressed(message=message, user=given["user"], until=until)
    back = f"{str(request.base_url).rstrip('/')}/slack/actions/{token}"
    body = urlencode({"payload": json.dumps(_payload(message, button, given["user"], back))})
    stamp = str(int(time.time()))
    signed = f"v0:{stamp}:{body}".encode()
    signature = hmac.new(given["signing_secret"].encode(), signed, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": _USER_AGENT,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    began = time.monotonic()
    try:
        async with httpx.AsyncClient(timeout=WAITS_SECONDS, trust_env=False) as client:
            answer = await client.post(given["request_url"], content=body, headers=headers)
        status = answer.status_code
    except httpx.HTTPError:
        status = 0  # the person reads that the app did not answer
    seconds = time.monotonic() - began
    sent = {"body": body, "headers": headers}
    return JSONResponse({"status": status, "seconds": seconds, "sent": sent})


async def _answer(request: Request) -> Response:
    """Take an app's answer to a press."""
    store = world_of(request).slack
    pressed = store.pressed.get(request.path_params["token"])
    given = await posted_object(request, "invalid_payload")
    if isinstance(given, Response):
        return given
    if pressed is None:
        return PlainTextResponse("no such address", 404)
    if pressed.left == 0 or time.monotonic() > pressed.until:
        return JSONResponse({"ok": False, "error": "expired_url"}, 404)
    pressed.left -= 1
    if given.get("replace_original"):
        pressed.message |= {key: given[key] for key in ("text", "blocks") if key in given}
        pressed.message["edits"] += 1
    else:
        store.webhook(request.url.path, {**given, "to": pressed.user})
    return JSONResponse({"ok": True})


def _button(message: Json, action_id: str) -> dict[str, Any] | None:
    for block in message.get("blocks", []):
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            if element["action_id"] == action_id:
                return {**element, "block_id": block.get("block_id", "b1")}
    return None


def _payload(message: Json, button: dict[str, Any], user: str, back: str) -> dict[str, Any]:
    """Return what Slack says of a press: https://docs.slack.dev/reference/interaction-payloads."""
    name = next(each for each, channel in CHANNELS.items() if channel == message["channel"])
    pressed = {key: button[key] for key in ("action_id", "block_id", "text", "value", "type")}
    shown = {key: message[key] for key in ("text", "blocks", "ts", "thread_ts") if key in message}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "somebody", "name": "somebody", "team_id": "T0SANDBOX"},
        "api_app_id": "A0CCTOPS",
        "token": "deprecated",
        "container": {
            "type": "message",
            "message_ts": message["ts"],
            "channel_id": message["channel"],
            "is_ephemeral": False,
        },
        "trigger_id": f"{time.time_ns()}.0.{token_hex(8)}",
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": message["channel"], "name": name},
        "message": {"type": "message", "user": "U0CCTOPS", "bot_id": "B0CCTOPS", **shown},
        "state": {"values": {}},
        "response_url": back,
        "actions": [{**pressed, "action_ts": f"{time.time():.6f}"}],
    }


ROUTES = [
    Route("/_sandbox/slack/press", _press, methods=["POST"]),
    Route("/slack/actions/{token}", _answer, methods=["POST"]),
]
