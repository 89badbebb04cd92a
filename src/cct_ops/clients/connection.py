"""
The HTTP client that the ways to CCT and GitHub share, and its errors for a missing answer.

With them the certificates that requests trust, the proxy that they leave through, and the pause
before a failed delivery is tried again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from threading import Lock
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from cct_ops import interrupts
from cct_ops.errors import ContractBroken, Unavailable

LONGEST_ASKED_SECONDS = 900.0
_MOST_DOUBLINGS = 10

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""After one of these the request has not reached anybody."""


def asked_for(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the answer asks for, within reason; None where it asks for none."""
    asked = headers.get("Retry-After", "")
    return min(float(asked), LONGEST_ASKED_SECONDS) if asked.isdecimal() else None


def doubled(first_seconds: float, longest_seconds: float, attempts: int) -> float:
    """Return a pause that doubles with each attempt that failed, up to the longest."""
    return min(longest_seconds, first_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS))


@lru_cache(maxsize=1)
def authorities() -> ssl.SSLContext:
    """Load the certificate authorities once per process: that takes longer than a request."""
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for this URL, None where it needs none."""
    place = urlsplit(url)
    if proxy_bypass(place.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    return proxies.get(place.scheme) or proxies.get("all")


class Connection:
    """
    Something over an HTTP client of its own, which is open for as long as a ``with`` block.

    A read that a run waits for is cut when that run is to stop; a write never is.
    """

    def __init__(self, client: httpx.Client, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._streams: list[Any] = []
        self._following = Lock()
        client.event_hooks = {"request": [self._follow]}

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def _answered(
        self, host: str, request: str, *, write: bool, shown: Callable[[str], str] = str
    ) -> Iterator[None]:
        """Turn what is no answer at all into our errors; ``shown`` makes its words presentable."""
        try:
            with nullcontext() if write else interrupts.cuttable(self._cut):
                yield
        except httpx.DecodingError as exc:
            raise ContractBroken(
                f"The body of the answer to {request} cannot be decompressed."
            ) from exc
        except httpx.TransportError as exc:
            why = shown(str(exc)).rstrip(". ") or type(exc).__name__
            if isinstance(exc, httpx.TimeoutException):
                why = f"nothing came within {self._timeout_seconds:g} s"
            doubt, never_left = "", isinstance(exc, NEVER_LEFT)
            if write and not never_left:
                doubt = "; whether the change was made is unknown, so look before trying again"
            raise Unavailable(
                f"No answer from {host} to {request}: {why}{doubt}.", never_left=never_left
            ) from exc

    def _follow(self, request: httpx.Request) -> None:
        """See to it that the request's connection is known here."""
        request.extensions["trace"] = self._note

    def _note(self, event: str, details: dict[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._following:  # threads share a client
                self._streams = [*filter(_is_open, self._streams), details["return_value"]]

    def _cut(self) -> None:
        """End the requests that are on their way."""
        for stream in self._streams:
            found = stream.get_extra_info("socket")
            if found is not None:
                with suppress(OSError):  # it is closed already
                    # what TLS makes of it would take its state from whoever reads
                    socket.socket.shutdown(found, socket.SHUT_RDWR)


def _is_open(stream: Any) -> bool:
    found: socket.socket | None = stream.get_extra_info("socket")
    return found is not None and found.fileno() >= 0
