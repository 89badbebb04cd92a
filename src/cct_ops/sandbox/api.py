"""The handling of one request by CCT: limits, routing, key, handler, and faults in between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from cct_ops.sandbox import canary, chaos, exemptions, handlers_only, rate_limits, slo
from cct_ops.sandbox.envelope import Reply, error, not_found
from cct_ops.sandbox.fault_response import never_respond
from cct_ops.sandbox.faults import Effects
from cct_ops.sandbox.inputs import Dialect, SeenRequest
from cct_ops.sandbox.world import Call, Family, Refused, Verb, world_of

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
    "handlers-only": {"canary": canary.HANDLERS_ONLY, "exemptions": exemptions.HANDLERS_ONLY},
    "bare": {},
}
PAGES = ["/", "/pre-market-briefing", "/intraday-check", "/end-of-day-summary", "/weekly-review"]


async def respond(request: Request) -> Response:
    """Answer one request to CCT, or never, when a fault wants it so."""
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
        world=world_of(request),
        method=request.method,
        path=path,
        query=request.query_params,
        headers=request.headers,
        body=await request.body(),
    )
    entry = SeenRequest(
        at=datetime.fromtimestamp(call.world.clock.right(), UTC),
        method=call.method,
        path=path,
        query=dict(call.query),
        body=call.readable_body(),
        traceparent=call.headers.get("traceparent"),
    )
    call.world.log.append(entry)
    reply = await _process(call, entry)
    if reply is None:
        return await never_respond(request)
    entry.status = reply.status
    headers = {"X-Request-ID": call.request_id, **STANDARD_HEADERS, **reply.headers}
    if isinstance(reply.body, str):
        return PlainTextResponse(reply.body, reply.status, headers)
    return JSONResponse(reply.body, reply.status, headers)


async def _process(call: Call, entry: SeenRequest) -> Reply | None:
    """Carry a request as far as limits, faults and key let it; None is no answer at all."""
    verb = find(call)
    refusal = _limited(call)
    if refusal is not None:
        return refusal

    chaos.roll_back_what_breaches(call.world)
    set_faults = call.world.faults.take(call.path, call.headers, write=verb.writes)
    injected = call.world.chaos.faults_for(call.path.removeprefix(f"{ROOT}/"), call.now)
    call.effects = Effects([*set_faults.faults, *injected])
    await asyncio.sleep(call.effects.latency_seconds)
    if call.effects.timeout:
        return None
    failure = call.effects.failure(call.now)
    if failure is None and not verb.public:
        failure = call.world.gate.check_key(call.headers, call.now, call.request_id)
    if failure is not None:
        return failure

    entry.write = verb.writes
    try:
        reply = verb.handle(call)
    except Refused as refused:
        reply = refused.reply
    reply = call.effects.distort(reply, call.now)
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


def find(call: Call) -> Verb:
    """Find what a path leads to in this dialect."""
    name = call.path.removeprefix(f"{ROOT}/")
    if call.method not in METHODS:
        return Verb(lambda c: error(c.now, 400, "Invalid method", "INVALID_METHOD"), public=True)
    if call.path == ROOT:
        return Verb(handlers_only.root, public=True)
    if name in handlers_only.PATHS:
        return Verb(handlers_only.PATHS[name], public=name in handlers_only.PUBLIC)
    family, verb = _addressed(call)
    if family is None:
        return Verb(lambda c: not_found(c.now, c.path), public=True)
    return family.find(verb, call.method) or Verb(partial(_unknown_verb, family), public=True)


def _addressed(call: Call) -> tuple[Family | None, str]:
    """Return the family that the path names, if this dialect has it, and the verb."""
    name, _, verb = call.path.removeprefix(f"{ROOT}/").partition("/")
    return FAMILIES[call.world.dialect].get(name), verb


def _unknown_verb(family: Family, call: Call) -> Reply:
    """Answer that the family is there and the verb is not, and list those that are."""
    name = call.path.removeprefix(f"{ROOT}/").partition("/")[0]
    endpoints = {"available_endpoints": [f"{ROOT}/{name}/{verb}" for verb in family.names()]}
    return error(call.now, family.unknown_status, family.title, "ENDPOINT_NOT_FOUND", endpoints)
