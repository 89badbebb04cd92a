"""The handling of one request by CCT: limits, routing, key, handler, and faults in between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from cct_ops.sandbox import canary, chaos, exemptions, handlers_only, rate_limits, slo
from cct_ops.sandbox.envelope import Reply, error, not_found
from cct_ops.sandbox.fault_response import never_respond
from cct_ops.sandbox.faults import Effects
from cct_ops.sandbox.inputs import Dialect
from cct_ops.sandbox.world import Call, Family, Handler, LogEntry, Sandbox

ROOT = "/api/v1"
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS"})
STANDARD_HEADERS = {
    "X-API-Version": "v1",
    "X-Enhanced-System": "true",
    "X-Migration-Reason": "Default to new API",
}
FAMILIES: Mapping[Dialect, Mapping[str, Family]] = {
    "runbook": {
        "canary": canary.RUNBOOK,
        "slo": slo.RUNBOOK,
        "exemptions": exemptions.RUNBOOK,
        "rate-limit": rate_limits.RUNBOOK,
        "chaos": chaos.RUNBOOK,
    },
    "mounted": {"canary": canary.HANDLERS_ONLY, "exemptions": exemptions.HANDLERS_ONLY},
    "bare": {},
}
PAGES = ["/", "/pre-market-briefing", "/intraday-check", "/end-of-day-summary", "/weekly-review"]


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a path: a handler, or the 404 that is answered before any key is looked at."""

    handle: Handler
    public: bool = False
    writes: bool = False


class CctApi:
    """The ASGI application that stands in for CCT."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or never, when a fault wants it so."""
        request = Request(scope, receive)
        response = await self._response(request) or await never_respond(request)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response | None:
        path = request.url.path
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return JSONResponse(
                {
                    "success": False,
                    "error": "Endpoint not found",
                    "requested_path": path,
                    "available_endpoints": PAGES,
                },
                status_code=404,
            )
        call = Call(
            world=self._sandbox.world,
            method=request.method,
            path=path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
        )
        entry = LogEntry(call.now, call.method, path, call.query, call.readable_body())
        call.world.log.append(entry)
        reply = await _process(call, entry)
        if reply is None:
            return None
        entry.status = reply.status
        headers = {"X-Request-ID": call.request_id, **STANDARD_HEADERS, **reply.headers}
        if isinstance(reply.body, str):
            return PlainTextResponse(reply.body, reply.status, headers)
        return JSONResponse(reply.body, reply.status, headers)


async def _process(call: Call, entry: LogEntry) -> Reply | None:
    """Carry a request as far as limits, faults and key let it; None is no answer at all."""
    target = find(call)
    refusal = _limited(call)
    if refusal is not None:
        return refusal

    chaos.roll_back_what_breaches(call.world)
    set_faults = call.world.faults.take(call.path, call.headers, write=target.writes)
    injected = call.world.chaos.faults_for(call.path.removeprefix(f"{ROOT}/"), call.now)
    call.effects = Effects([*set_faults.faults, *injected])
    await asyncio.sleep(call.effects.latency_seconds)
    if call.effects.timeout:
        return None
    failure = call.effects.failure(call.now)
    if failure is None and not target.public:
        failure = call.world.gate.check_key(call.headers, call.now, call.request_id)
    if failure is not None:
        return failure

    entry.write = target.writes
    reply = call.effects.falsify(call.effects.distort(target.handle(call)), call.now)
    return None if call.effects.apply_then_hang else reply


def _limited(call: Call) -> Reply | None:
    """Apply CCT's limiters, which count before anything is routed."""
    world, now = call.world, call.now
    if call.path == ROOT or call.path.startswith(f"{ROOT}/data/health"):
        return None
    refusal = world.gate.admit(call.headers, now, call.request_id, limits=world.limits)
    family, _ = _addressed(call)
    if refusal is None and family is not None and family.limit is not None and world.limits:
        refusal = world.rate_limits.admit(family.limit, call.path, call.headers, now)
    return refusal


def find(call: Call) -> Target:
    """Find what a path leads to in this dialect; 404s are public, for they come before the key."""
    name = call.path.removeprefix(f"{ROOT}/")
    if call.method not in METHODS:
        return Target(lambda c: error(c.now, 400, "Invalid method", "INVALID_METHOD"), public=True)
    if call.path == ROOT:
        return Target(handlers_only.root, public=True)
    if name in handlers_only.PATHS:
        return Target(handlers_only.PATHS[name], public=name in handlers_only.PUBLIC)
    family, verb = _addressed(call)
    if family is None:
        return Target(lambda c: not_found(c.now, c.path), public=True)
    found = family.find(verb, call.method)
    if found is not None:
        return Target(found.handle, writes=found.writes)
    return Target(partial(_unknown_verb, family), public=True)


def _addressed(call: Call) -> tuple[Family | None, str]:
    """Return the family that the path names, if this dialect has it, and the verb."""
    name, _, verb = call.path.removeprefix(f"{ROOT}/").partition("/")
    return FAMILIES[call.world.dialect].get(name), verb


def _unknown_verb(family: Family, call: Call) -> Reply:
    """Answer that the family is there and the verb is not, and list those that are."""
    name = call.path.removeprefix(f"{ROOT}/").partition("/")[0]
    endpoints = {"available_endpoints": [f"{ROOT}/{name}/{verb}" for verb in family.names()]}
    return error(call.now, family.unknown_status, family.title, "ENDPOINT_NOT_FOUND", endpoints)
