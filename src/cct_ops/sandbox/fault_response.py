"""Faults for the places that take a plain document: a webhook of Slack, a status page."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cct_ops.sandbox.never_responds import unanswered
from cct_ops.sandbox.world import World


async def struck(world: World, request: Request) -> Response | None:
    """Return the answer of the fault that is set for this path, or None where it is well."""
    effects = world.faults.strike(request.url.path, request.headers, write=True)
    await asyncio.sleep(effects.latency_seconds)
    if effects.timeout:
        return await unanswered(request)
    failure = effects.failure(world.clock.now())
    if failure is None:
        return None
    return PlainTextResponse("injected by the sandbox", failure.status, failure.headers)
