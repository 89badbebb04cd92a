"""Limits on the size and duration of a request, enforced while it is received."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import h11
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from cct_ops.ledger.intake.deliveries import Incoming

MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
HEAD_SECONDS = 4.0
BODY_SECONDS = 10
REST_BYTES = 64 * 1024
KNOWN_REST_BYTES = 12 * 1024 * 1024
REST_SECONDS = 1
KNOWN_REST_SECONDS = 4
EVIDENCE_BYTES = 4096
RETRY_AFTER = "5"


class Refused(Exception):
    """
    The answer to a request that goes no further; the connection ends with it.

    ``unread`` says that the sender may still be sending its body, ``known`` that it had proved who
    it is. ``evidence`` is what is kept of such a request. ``note`` is for the log alone.
    """

    evidence: Incoming | None = None
    known = False

    def __init__(self, status: int, words: str, *, unread: bool = True, note: str = "") -> None:
        super().__init__(words + note)
        self.status = status
        self.unread = unread
        self.answer = JSONResponse({"error": words}, status, headers={"Connection": "close"})


class TooLarge(Refused):
    """The body is larger than its source allows; ``beginning`` is what came of it first."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__(413, "the body is too large")
        self.beginning = beginning[:EVIDENCE_BYTES]


class NoRoom(Refused):
    """There are too many large bodies in memory: the sender must come again later."""

    def __init__(self) -> None:
        super().__init__(503, "there are too many large bodies at once")
        self.answer.headers["Retry-After"] = RETRY_AFTER


def check_headers(request: Request) -> None:
    """Refuse more headers than any sender has a use for."""
    headers = request.headers.raw
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise Refused(431, "there are too many headers")


async def read_body(
    request: Request, limit: int, grow: Callable[[int], None] | None = None
) -> bytes:
    """Read the body, and no further than the limit, whatever length was announced."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > limit:
        raise TooLarge(await _beginning(request, EVIDENCE_BYTES, REST_SECONDS))
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise TooLarge(bytes(body))
                if grow is not None:
                    grow(len(chunk))
    except TimeoutError:
        raise Refused(408, "the body came too slowly", unread=False) from None
    except ClientDisconnect:
        raise Refused(400, "the body broke off", unread=False) from None
    return bytes(body)


async def take_rest(request: Request, *, known: bool) -> None:
    """
    Read some of what still comes, and forget it: more of it from a sender that we know.

    Whoever is cut off in the middle of sending sees a broken connection in the place of the answer.
    """
    if known:
        await _beginning(request, KNOWN_REST_BYTES, KNOWN_REST_SECONDS)
    else:
        await _beginning(request, REST_BYTES, REST_SECONDS)


async def _beginning(request: Request, most: int, seconds: float) -> bytes:
    """Read so much of a body, if it comes so soon; returns as much of it as is ever kept."""
    taken, kept = 0, bytearray()
    # With a RuntimeError Starlette says that all of it has been read already.
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                taken += len(chunk)
                kept += chunk[: EVIDENCE_BYTES - len(kept)]
                if taken >= most:
                    break
    return bytes(kept)


class HeaderTimeoutProtocol(H11Protocol):
    """uvicorn's, but closes connections on which no request begins, or no head is ever complete."""

    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once the head is complete, and begin where another one does."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._cut is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._cut = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


def server_config(app: ASGIApp, *, stop_seconds: int) -> uvicorn.Config:
    """Return how a door of ours is served; who is there when it stops has so long to leave."""
    return uvicorn.Config(
        app,
        http=HeaderTimeoutProtocol,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,  # neither headers nor addresses, which may sign somebody in, are for logs
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_graceful_shutdown=stop_seconds,
    )
