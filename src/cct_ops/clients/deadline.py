"""
Ends a request whose answer trickles in, or never ends.

A timeout of httpx begins anew with each piece that arrives, so whoever sends a byte now and then
holds up its caller for ever.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import httpx

from cct_ops.clients.connection import authorities

_MOST_BYTES = 64 * 1024


class Deadline:
    """Cuts the connection of a client where an answer takes too long, whatever arrives."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self._over = threading.Event()

    @property
    def extensions(self) -> dict[str, Any]:
        """What each request of the client takes, so that its connection is known here."""
        return {"trace": self._note}

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Raise ``httpx.ReadTimeout`` where what is done here fails because its time was over."""
        self._over.clear()
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except httpx.TransportError as error:
            if self._over.is_set():
                raise httpx.ReadTimeout(f"the answer was not whole within {seconds:g} s") from error
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, event: str, details: dict[str, Any]) -> None:
        if event.endswith(".connect_tcp.complete"):
            self.close()
            # one of our own, which a handshake for TLS leaves as it is
            self._connection = details["return_value"].get_extra_info("socket").dup()

    def _cut(self) -> None:
        self._over.set()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


def post(url: str, content: bytes, headers: dict[str, str], seconds: float) -> tuple[int, bytes]:
    """Return status and body of the answer, of which 64 KiB are read; raises what httpx raises."""
    with httpx.Client(timeout=seconds, verify=authorities()) as client:
        return answer_of(
            client, "POST", url, seconds, _MOST_BYTES, content=content, headers=headers
        )


def answer_of(
    client: httpx.Client, method: str, url: str, seconds: float, most_bytes: int, **sent: Any
) -> tuple[int, bytes]:
    """
    Return status and body of the answer, all of which takes so many seconds at most.

    Of the body, as it is when it is unpacked, only so much of its beginning is read. Raises what
    httpx raises.
    """
    with (
        closing(Deadline()) as deadline,
        deadline.within(seconds),
        client.stream(method, url, extensions=deadline.extensions, **sent) as answer,
    ):
        raw = b""
        for piece in answer.iter_bytes():
            raw += piece
            if len(raw) >= most_bytes:
                break
        return answer.status_code, raw[:most_bytes]
