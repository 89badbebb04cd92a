"""Slack: its Web API as far as bots of ours use it, its webhooks, and a page of all messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cct_ops.sandbox.envelope import Json, Reply
from cct_ops.sandbox.fault_response import fault_response, never_respond, posted_object
from cct_ops.sandbox.slack_store import TOKEN_PREFIX, SlackStore, as_page, channel_id
from cct_ops.sandbox.world import world_of

ERRORS = {429: "ratelimited", 503: "service_unavailable"}

Method = Callable[[SlackStore, str, Json], Json]


async def _page(request: Request) -> Response:
    return HTMLResponse(as_page(world_of(request).slack.messages))


async def _delete(request: Request) -> Response:
    if not world_of(request).slack.forget(request.path_params["ts"]):
        raise HTTPException(404, "no such message")
    return PlainTextResponse("gone")


async def _api(request: Request) -> Response:
    """Answer a method of the Web API; an error is named in an answer with 200."""
    path, body = request.url.path, await request.body()
    effects, forced = await fault_response(request, wire=_injected)
    if forced is not None:
        return forced
    refusal = _refusal(request.headers.get("authorization", "").removeprefix("Bearer "))
    method = _METHODS.get(request.path_params["method"], _unknown)
    answer = refusal or method(world_of(request).slack, path, _given(request, body))
    if effects.apply_then_hang:
        return await never_respond(request)
    return JSONResponse(answer)


async def _webhook(request: Request) -> Response:
    """Record a message, or fail as the faults for ``/slack`` want it."""
    message = await posted_object(request, "invalid_payload")
    if isinstance(message, Response):
        return message
    world_of(request).slack.webhook(request.url.path, message)
    return PlainTextResponse("ok")


def _given(request: Request, body: bytes) -> Json:
    if "json" in request.headers.get("content-type", ""):
        return dict(json.loads(body or b"{}"))
    return dict(parse_qsl(body.decode()))


def _refusal(token: str) -> Json | None:
    if not token:
        return _wrong("not_authed")
    return None if token.startswith(TOKEN_PREFIX) else _wrong("invalid_auth")


def _wrong(error: str) -> Json:
    return {"ok": False, "error": error}


def _injected(failure: Reply) -> Response:
    other = "internal_error" if failure.status >= 500 else "invalid_arguments"
    error = ERRORS.get(failure.status, other)
    return JSONResponse(_wrong(error), failure.status, failure.headers)


def _unknown(_store: SlackStore, _path: str, _given: Json) -> Json:
    return _wrong("unknown_method")


def _auth_test(_store: SlackStore, _path: str, _given: Json) -> Json:
    return {
        "ok": True,
        "url": "https://sandbox.slack.example/",
        "team": "Sandbox",
        "user": "cct-ops",
        "team_id": "T0SANDBOX",
        "user_id": "U0CCTOPS",
        "bot_id": "B0CCTOPS",
    }


def _post_message(store: SlackStore, path: str, given: Json) -> Json:
    channel = channel_id(given.get("channel"))
    if channel is None:
        return _wrong("channel_not_found")
    if not given.get("text") and not given.get("blocks"):
        return _wrong("no_text")
    if "thread_ts" in given and store.find(channel, given["thread_ts"]) is None:
        return _wrong("thread_not_found")
    message = store.post(path, channel, given)
    return {"ok": True, "channel": channel, "ts": message["ts"], "message": _message(message)}


def _update(store: SlackStore, _path: str, given: Json) -> Json:
    channel = given.get("channel")
    if channel != channel_id(channel):  # unlike a new message, an old one is known by the id alone
        return _wrong("channel_not_found")
    message = store.find(str(channel), given.get("ts"))
    if message is None:
        return _wrong("message_not_found")
    message |= {key: given[key] for key in ("text", "blocks") if key in given}
    message["edits"] += 1
    return {
        "ok": True,
        "channel": channel,
        "ts": message["ts"],
        "text": message.get("text", ""),
        "message": _message(message),
    }


def _message(message: Json) -> Json:
    keys = ("text", "blocks", "ts", "thread_ts")
    shown: Json = {key: message[key] for key in keys if key in message}
    return {"type": "message", "user": "U0CCTOPS", "bot_id": "B0CCTOPS", **shown}


_METHODS: dict[str, Method] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post_message,
    "chat.update": _update,
}
ROUTES = [
    Route("/slack", _page, methods=["GET"]),
    Route("/_sandbox/slack/{ts}", _delete, methods=["DELETE"]),
    Route("/slack/api/{method}", _api, methods=["POST"]),
    Route("/slack/{rest:path}", _webhook, methods=["POST"]),
]
