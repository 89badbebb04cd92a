"""Responses to requests that a fault concerns, for GitHub, Slack and the status page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cct_ops.sandbox.envelope import Json, Reply
from cct_ops.sandbox.faults import Effects
from cct_ops.sandbox.world import world_of


async def never_respond(request: Request) -> Response:
    """Keep the client waiting until it gives up; the response is for nobody."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=499)


def plain(failure: Reply) -> Response:
    """Return a failure of a place that takes a plain document."""
    return PlainTextResponse("injected by the sandbox", failure.status, failure.headers)


async def fault_response(
    request: Request, *, write: bool = True, wire: Callable[[Reply], Response] = plain
) -> tuple[Effects, Response | None]:
    """Return the effects of the faults set for this path, and the response that they force."""
    world = world_of(request)
    effects = world.faults.take(request.url.path, request.headers, write=write)
    await asyncio.sleep(effects.latency_seconds)
    if effects.timeout:
        return effects, await never_respond(request)
    failure = effects.failure(world.clock.now())
    return effects, None if failure is None else wire(failure)


async def posted_object(request: Request, problem: str) -> Json | Response:
    """Return the JSON object of a post, or the response that a fault or another body gets."""
    body = await request.body()
    _, forced = await fault_response(request)
    if forced is not None:
        return forced
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    return given if isinstance(given, dict) else PlainTextResponse(problem, 400)
