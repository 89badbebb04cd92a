"""
The door: ``POST /hooks/{source}``, or PUT, which Grafana can be set to.

Senders differ in what they do with an answer (some drop on 4xx, most know only 5xx as "again"),
so there are few: 202 only when it is stored, 503 whenever it is not, and never a redirect.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from cct_ops import tracing
from cct_ops.config.sources import Source
from cct_ops.gateway import metrics
from cct_ops.gateway.limits import (
    RETRY_AFTER,
    Refused,
    TooLarge,
    check_headers,
    read_body,
    take_rest,
)
from cct_ops.gateway.registry import Admission, Registry
from cct_ops.gateway.room import SMALL_BYTES, Room
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.authentication import decoy
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import Received, UnknownShape, printable
from cct_ops.gateway.senders.stored_body import without_secrets
from cct_ops.gateway.writer import Full, Unstored, Writer
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.intake.tables import deliveries

STORE_SECONDS = 4  # the least patient sender that we know waits 5 s
SHOWN = 200  # characters of an address that nobody is at

_KEPT = frozenset(
    {"content-type", "content-encoding", "x-github-event", "x-github-delivery", "webhook-id"}
)

_CLOCK = (
    " (signed with its key, but its time is {:.0f} s away from ours: its clock is wrong, or this is"
    " an old request, sent again)"
)

log = logging.getLogger(__name__)


def create_app(
    engine: sa.Engine, registry: Registry, writer: Writer, *, openapi_url: str | None = None
) -> FastAPI:
    """Return the gateway for these senders; it describes itself to its tests only."""
    room = Room()
    metrics.begin_at_zero(registry.current.sources.sources)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=openapi_url, redirect_slashes=False)

    @app.exception_handler(HTTPException)
    async def nowhere(request: Request, error: HTTPException) -> Response:
        """Leave a trace of what went to an address or by a method that is none."""
        metrics.REFUSED.labels(str(error.status_code)).inc()
        asked = printable(f"{request.method} {request.url.path}"[:SHOWN])
        log.warning("refused %s: %s", asked, error.detail)
        return await http_exception_handler(request, error)

    @app.put("/hooks/{source}", status_code=202)
    @app.post("/hooks/{source}", status_code=202)
    async def receive(source: str, request: Request) -> Response:
        """Take one delivery in."""
        admission = registry.current
        try:
            with room.growing() as grow:
                received, key = await _admit(admission, source, request, grow)
                began = time.perf_counter()
                sender = admission.sources.sources[source]
                told = {"http.request.method": request.method, "http.route": "/hooks/{source}"}
                parent = tracing.parsed(received.header(tracing.HEADER))
                with tracing.span(
                    f"{request.method} /hooks/{{source}}",
                    {**told, "cct_ops.source": source},
                    kind="SERVER",
                    parent=parent,
                ) as span:
                    answer = await _take_in(writer, room, source, sender, received, key.name)
                    span.set_attribute("http.response.status_code", answer.status_code)
        except Refused as refused:
            refused.with_traceback(None)  # its frames would keep what came of the body
            metrics.REFUSED.labels(str(refused.status)).inc()
            named = source if source in admission.sources.sources else "nobody known"
            log.warning("refused a request for %s: %s", named, refused)
            if refused.evidence is not None:
                await _store(writer, refused.evidence)
            if refused.unread:
                await take_rest(request, known=refused.known)
            return refused.answer
        metrics.SECONDS.observe(time.perf_counter() - began)
        return answer

    @app.get("/healthz")
    async def alive() -> Response:
        """Answer that the process is alive."""
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def ready() -> Response:
        """Answer whether deliveries could be stored now."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await run_in_threadpool(_ask_ledger, engine)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return PlainTextResponse("the ledger does not answer", 503)
        return PlainTextResponse("ok")

    return app


async def _admit(
    admission: Admission, name: str, request: Request, grow: Callable[[int], None]
) -> tuple[Received, Key]:
    """Return the request of a sender who proved who it is; everybody else is refused."""
    check_headers(request)
    headers = [
        (key.decode("latin-1"), value.decode("latin-1")) for key, value in request.headers.raw
    ]
    received = Received(headers, b"", datetime.now(UTC))
    source = admission.sources.sources.get(name)
    if source is None:
        decoy(received)
        raise _unauthorised(unread=True)
    if kinds.signs(source):
        body = await read_body(request, source.max_body_bytes, grow)
        received = Received(headers, body, datetime.now(UTC))
        return received, _proven(received, admission, name, source)
    key = _proven(received, admission, name, source)
    try:
        body = await read_body(request, source.max_body_bytes, grow)
    except Refused as refused:
        refused.known = True
        if isinstance(refused, TooLarge):
            note = f"The body is larger than {source.max_body_bytes:,} bytes: raise max_body_bytes."
            stored = without_secrets(refused.beginning, source.secrets)
            refused.evidence = Incoming(
                name, refused.beginning, None, note, admitted_by=key.name, stored=stored
            )
        raise
    return Received(headers, body, datetime.now(UTC)), key


def _proven(received: Received, admission: Admission, name: str, source: Source) -> Key:
    key = kinds.verify(received, admission.keys[name], source)
    if key is None:
        off = kinds.clock_off(received, admission.keys[name], source)
        raise _unauthorised(unread=not kinds.signs(source), note=_CLOCK.format(off) if off else "")
    return key


def _unauthorised(*, unread: bool, note: str = "") -> Refused:
    return Refused(401, "not authorised", unread=unread, note=note)


async def _take_in(
    writer: Writer, room: Room, name: str, source: Source, received: Received, admitted_by: str
) -> Response:
    """Read and store a delivery; a large one in its turn, because it grows while it is read."""
    size = len(received.body)
    try:
        async with room.work(size, STORE_SECONDS):
            if size <= SMALL_BYTES:
                incoming = incoming_of(name, source, received, admitted_by)
            else:  # in a thread, so that others go on meanwhile
                incoming = await run_in_threadpool(incoming_of, name, source, received, admitted_by)
            traced = replace(incoming, traceparent=tracing.traceparent())
            return await _store(writer, traced)
    except TimeoutError as error:
        return _not_stored(name, error)


def incoming_of(name: str, source: Source, received: Received, admitted_by: str) -> Incoming:
    """Return the delivery as it is going to be stored."""
    kept = {
        header: value
        for header, value in received.headers
        if (header in _KEPT or header.startswith("ce-")) and received.header(header) is not None
    }
    stored = without_secrets(received.body, source.secrets)
    try:
        parsed = kinds.read(received, source)
    except UnknownShape as error:
        log.error("quarantined a delivery of %s: %s", name, error)  # noqa: TRY400 -- an answer
        return Incoming(
            name,
            received.body,
            None,
            str(error),
            headers=kept,
            admitted_by=admitted_by,
            stored=stored,
        )
    if parsed.note:
        level = logging.WARNING if parsed.alerts else logging.INFO
        log.log(level, "a delivery of %s: %s", name, parsed.note)
    return Incoming(
        name,
        received.body,
        parsed.alerts,
        parsed.note,
        sender_id=parsed.sender_id,
        headers=kept,
        admitted_by=admitted_by,
        copies_within_seconds=source.copies_within_seconds,
        in_part=parsed.in_part,
        stored=stored,
    )


async def _store(writer: Writer, incoming: Incoming) -> Response:
    """Answer 202 once the delivery is durable, and 503 in every other case."""
    try:
        # What is cut off here may still be stored: the sender's retry is then a duplicate.
        async with asyncio.timeout(STORE_SECONDS):
            receipt = await writer.store(incoming)
    except (Full, Unstored, TimeoutError) as error:
        return _not_stored(incoming.source, error)
    outcome = "duplicate" if receipt.duplicate else receipt.status.value
    metrics.DELIVERIES.labels(incoming.source, outcome).inc()
    return JSONResponse(
        {
            "delivery_id": str(receipt.delivery_id),
            "incidents": [str(incident) for incident in receipt.incidents],
            "duplicate": receipt.duplicate,
            "status": receipt.status,
        },
        202,
    )


def _not_stored(source: str, error: Exception) -> Response:
    log.error("a delivery of %s is not stored: %s", source, type(error).__name__)
    metrics.DELIVERIES.labels(source, metrics.NOT_STORED).inc()
    return JSONResponse(
        {"error": "the ledger cannot store this now"}, 503, headers={"Retry-After": RETRY_AFTER}
    )


def _ask_ledger(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(deliveries.c.id).limit(0))
