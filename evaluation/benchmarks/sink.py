"""
The clock at the sink: stamps each request as it arrives at CCT, in a process of its own.

``python -m evaluation.benchmarks.sink PORT PORT_BEHIND JOURNAL PREFIX`` passes all bytes on as they
are, in both directions, and writes down what is asked of an address that begins so. The stamp is
taken when the first bytes of a request are there, before they are looked at or passed on, with the
one CLOCK_MONOTONIC that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import sys
import time
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple, TextIO

import h11

HOST = "127.0.0.1"
GREETING = "sink: ready"
_CHUNK = 2**16


class Arrival(NamedTuple):
    """One request; ``at`` is a time of ``time.monotonic``."""

    at: float
    method: str
    target: str

    @property
    def writes(self) -> bool:
        """True if it is to change something."""
        return self.method not in {"GET", "HEAD"}


class Journal:
    """The arrivals that a sink has written down so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._arrivals: list[Arrival] = []

    def since(self, began: float) -> list[Arrival]:
        """Return what has arrived since then, oldest first."""
        with self._path.open() as file:
            file.seek(self._read)
            while (line := file.readline()).endswith("\n"):
                at, method, target = line.split()
                self._arrivals.append(Arrival(float(at), method, target))
                self._read = file.tell()
        return self._arrivals[bisect_left(self._arrivals, began, key=lambda each: each.at) :]

    def first(
        self, began: float, *, naming: str = "", writes: bool = False, seconds: float = 120
    ) -> Arrival:
        """Wait for the first one since then, whose target has that in it; or ``TimeoutError``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for arrival in self.since(began):
                if arrival.writes == writes and naming in arrival.target:
                    return arrival
            time.sleep(0.01)  # it does not matter when it is read
        what = "write" if writes else "GET"
        raise TimeoutError(f"no {what} arrived at the sink within {seconds:.0f} s")


class _Heads:
    """Finds the requests in what a client sends over one connection."""

    def __init__(self) -> None:
        self._request = h11.Connection(h11.SERVER)
        self._upgraded = False

    def begun_in(self, sent: bytes) -> list[h11.Request]:
        found: list[h11.Request] = []
        if self._upgraded:
            return found  # what follows the head is no HTTP
        self._request.receive_data(sent)
        while (event := self._request.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Request):
                found.append(event)
                if any(name == b"upgrade" for name, _ in event.headers):
                    self._upgraded = True
                    return found
            if event is h11.PAUSED:  # h11 would wait for our answer, which is another's
                rest, _ = self._request.trailing_data
                self._request = h11.Connection(h11.SERVER)
                self._request.receive_data(rest)
        return found


async def serve(port: int, behind: int, journal: TextIO, prefix: str) -> None:
    """Pass on, and write each request to an address that begins so down."""

    async def connected(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        heads, back, server = _Heads(), None, None
        while sent := await client.read(_CHUNK):
            at = time.monotonic()
            for request in heads.begun_in(sent):
                method, target = request.method.decode(), request.target.decode()
                if target.startswith(prefix):
                    print(f"{at:.6f} {method} {target}", file=journal, flush=True)
            if server is None:
                answered, server = await asyncio.open_connection(HOST, behind)
                back = asyncio.create_task(_pass_on(answered, answers))
            server.write(sent)
            await server.drain()
        if server is not None and back is not None:
            server.close()
            await back
        answers.close()

    async def passing(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        try:
            await connected(client, answers)
        except ConnectionError:  # one of the two has gone: so has the other
            answers.close()

    listening = await asyncio.start_server(passing, HOST, port, backlog=1024)
    print(GREETING, flush=True)
    await listening.serve_forever()


async def _pass_on(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while answered := await source.read(_CHUNK):
        to.write(answered)
        await to.drain()
    to.close()


if __name__ == "__main__":
    with Path(sys.argv[3]).open("a") as written:
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), written, sys.argv[4]))
