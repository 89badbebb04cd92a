"""
Admission of runs when many are due at once. Fair start: the first task of every run comes first.

A few runs start at a time and the others wait, so that each start is quick: all at once would all
be slow, and the server would have no time for people. A run that starts while others wait is asked
to stop after its first task, before it changes anything. When all have had theirs, one after the
other goes on, each as soon as the server has time for it. One that was held for ``HELD_SECONDS``
goes on although others wait, so that no run depends on the start of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from cct_ops.worker.forks import Child
from cct_ops.worker.protocol import GO_ON, HOLD

# More would not be faster: the server, which takes most of the time, uses one core.
STARTS_AT_ONCE = 4
HELD_SECONDS = 60.0
# Each takes memory and a connection to the ledger.
HELD_AT_MOST = 200
# From one that goes on to the next, at least: what it asks for is not felt at once.
_APART_SECONDS = 0.3
# A server that takes longer for a small answer has a queue, in which people at the UI wait too.
_CALM_SECONDS = 0.25
_BEGIN_SECONDS = 10.0  # a start that takes longer holds up the next ones no more


class Admission:
    """The worker's side: who starts, who is held, and who goes on."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Take ``ask``, a small request to the server, which may raise what its client raises."""
        self._ask = ask
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)
        self._informing = asyncio.Lock()
        self._waiting = 0
        self._held: deque[tuple[Child, float]] = deque()
        self._freeing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def start(self) -> AsyncIterator[None]:
        """Wait for one's turn to start."""
        self._waiting += 1
        try:
            await self._starting.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._starting.release()

    async def begun(self, child: Child) -> None:
        """Wait until the run is Running; hold it after its first task if others wait."""
        if self._waiting and len(self._held) < HELD_AT_MOST:
            child.send_line(HOLD)
            self._held.append((child, time.monotonic()))
            if self._freeing is None:
                self._freeing = asyncio.create_task(self._free())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BEGIN_SECONDS):
                await child.begun.wait()

    @contextlib.asynccontextmanager
    async def after(self) -> AsyncIterator[None]:
        """Do what only informs when nobody waits for a turn, and one after the other."""
        async with self._informing:
            while self._waiting:  # noqa: ASYNC110 -- it need not be at once
                await asyncio.sleep(_APART_SECONDS)
            yield

    async def _free(self) -> None:
        """Let the held go on, one after the other, in the order in which they came."""
        while self._held:
            child, since = self._held[0]
            due = not self._waiting or time.monotonic() - since > HELD_SECONDS
            if child.gone.is_set() or (due and await self._server_is_calm()):
                self._held.popleft()
                child.send_line(GO_ON)
            if not child.gone.is_set():
                await asyncio.sleep(_APART_SECONDS)
        self._freeing = None

    async def _server_is_calm(self) -> bool:
        asked_at = time.monotonic()
        try:
            await self._ask()
        except httpx.HTTPError:
            return False
        return time.monotonic() - asked_at < _CALM_SECONDS
