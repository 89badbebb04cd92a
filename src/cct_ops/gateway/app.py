"""
The door: ``POST /hooks/{source}``.

Senders differ in what they do with an answer (some drop on 4xx, most know only 5xx as "again"),
so there are few: 202 only when it is stored, 503 whenever it is not, and never a redirect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from cct_ops.gateway import alertmanager
from cct_ops.gateway.keys import Keys, admits
from cct_ops.gateway.reading import Reading, UnknownShape
from cct_ops.ledger import intake
from cct_ops.ledger.schema import deliveries
from cct_ops.models.source import Source, Sources

# One line per kind of sender: its module turns a body into alerts, or says what is wrong with it.
READERS: dict[str, Callable[[bytes], Reading]] = {"alertmanager": alertmanager.read}

STORE_SECONDS = 4  # the least patient sender that we know waits 5 s
BODY_SECONDS = 10

log = logging.getLogger(__name__)


class _Refused(Exception):
    """The answer to a request that goes no further; the connection ends with it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.answer = JSONResponse({"error": words}, status, headers={"Connection": "close"})


def create_app(engine: sa.Engine, sources: Sources, keys: Keys) -> FastAPI:
    """Return the gateway for these senders."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.post("/hooks/{source}")
    async def receive(source: str, request: Request) -> Response:
        """Take one delivery in."""
        try:
            if not admits(keys, source, request.headers.getlist("authorization")):
                log.warning("refused a delivery without a valid key")
                raise _Refused(401, "not authorised")
            configured = sources.sources[source]
            _check_type(request)
            body = await _body(request, configured.max_body_bytes)
        except _Refused as refused:
            return refused.answer
        return await _store(engine, source, configured, body)

    @app.get("/healthz")
    async def alive() -> Response:
        """Tell that the process is alive."""
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def ready() -> Response:
        """Tell whether deliveries could be stored now."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await run_in_threadpool(_ask_ledger, engine)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return PlainTextResponse("the ledger does not answer", 503)
        return PlainTextResponse("ok")

    return app


def _check_type(request: Request) -> None:
    """Let plain JSON through; nothing is ever unpacked."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _Refused(415, "the content type must be application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _Refused(415, "the body must not be compressed")


async def _body(request: Request, limit: int) -> bytes:
    """Read the body, and no further than the limit, whatever length was announced."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > limit:
        raise _Refused(413, "the body is too large")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _Refused(413, "the body is too large")
    except TimeoutError:
        raise _Refused(408, "the body came too slowly") from None
    except ClientDisconnect:
        raise _Refused(400, "the body broke off") from None
    return bytes(body)


async def _store(engine: sa.Engine, name: str, source: Source, body: bytes) -> Response:
    """Answer 202 once the delivery is durable, and 503 in every other case."""
    try:
        # A thread that is cut off here may still commit: the sender's retry is then a duplicate.
        async with asyncio.timeout(STORE_SECONDS):
            receipt = await run_in_threadpool(_take_in, engine, name, source, body)
    except (sa.exc.SQLAlchemyError, TimeoutError) as error:
        log.error("a delivery of %s could not be stored: %s", name, type(error).__name__)  # noqa: TRY400 -- the traceback would show the statement's values
        return JSONResponse(
            {"error": "the ledger cannot store this now"}, 503, headers={"Retry-After": "5"}
        )
    return JSONResponse(
        {
            "delivery_id": str(receipt.delivery_id),
            "incidents": [str(incident) for incident in receipt.incidents],
            "duplicate": receipt.duplicate,
            "status": receipt.status,
        },
        202,
    )


def _take_in(engine: sa.Engine, name: str, source: Source, body: bytes) -> intake.Receipt:
    """Read and record one body; what cannot be read or stored as alerts is kept as it came."""
    try:
        reading = READERS[source.kind](body)
        if reading.note:
            log.warning("a delivery of %s: %s", name, reading.note)
        return intake.record(engine, name, body, reading.alerts, reading.note)
    except UnknownShape as error:
        note = str(error)
    except sa.exc.DataError:
        note = "The ledger cannot store the values of these alerts."
    log.error("quarantined a delivery of %s: %s", name, note)
    return intake.record(engine, name, body, None, note)


def _ask_ledger(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(deliveries.c.id).limit(0))
