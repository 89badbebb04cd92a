"""
A sender that keeps its pace, whatever the gateway does, and counts the answers.

It speaks HTTP by hand: on a small machine a client library would take more of the processor than
the gateway that is measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

PATIENCE_SECONDS = 10.0

Body = bytes


@dataclass
class Tally:
    """The counts of what was sent and answered, and the seconds of each answer."""

    sent: int = 0
    accepted: int = 0
    retried: int = 0
    given_up: int = 0
    seconds: list[float] = field(default_factory=list)
    incidents: set[str] = field(default_factory=set)

    def percentile(self, share: float) -> float:
        """Return the milliseconds in which this share of all answers came."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True)
class Target:
    """The destination of a sender; the address is asked for anew at each connection."""

    address: Callable[[], tuple[str, int]]
    path: str
    key: str

    @classmethod
    def at(cls, url: str, key: str) -> Self:
        """Return that of one URL, whose address stays."""
        place = urlsplit(url)
        address = place.hostname or "", place.port or 80
        return cls(lambda: address, place.path, key)

    def request(self, body: Body) -> bytes:
        """Return the whole request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def send(
    target: Target,
    bodies: Iterable[Body],
    *,
    per_second: float,
    connections: int = 128,
    retries: int = 0,
    most_waiting: int = 100_000,
) -> Tally:
    """Send the bodies at this pace; what is not accepted is sent again like Alertmanager does."""
    tally, queue = Tally(), asyncio.Queue[tuple[float, Body] | None](maxsize=most_waiting)
    workers = [
        asyncio.create_task(_work(target, queue, tally, retries)) for _ in range(connections)
    ]
    began = time.perf_counter()
    for number, body in enumerate(bodies):
        due = began + number / per_second
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tally.sent += 1
        await queue.put((due, body))
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)
    return tally


class _Connection:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and return the answer; any failure ends the connection."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # a gateway closes what is idle for seconds, as any server does
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(*self._target.address())
                reader, writer = self._streams
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode().lower().split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                if fields.get("connection") == "close":
                    self.close()
                return int(lines[0].split()[1]), body
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self.close()
            return 0, b""

    def close(self) -> None:
        """Begin anew with the next request."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _work(
    target: Target, queue: asyncio.Queue[tuple[float, Body] | None], tally: Tally, retries: int
) -> None:
    connection = _Connection(target)
    while (each := await queue.get()) is not None:
        due, body = each
        request, wait = target.request(body), 0.05
        for attempt in range(retries + 1):
            status, answer = await connection.post(request)
            if status == 202:
                # From the moment at which it was due: a sender that waits hides nothing.
                tally.seconds.append(time.perf_counter() - due)
                tally.accepted += 1
                tally.incidents.update(json.loads(answer).get("incidents", ()))
                break
            if attempt == retries:
                tally.given_up += 1
            else:
                tally.retried += 1
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, 2.0)
    connection.close()
