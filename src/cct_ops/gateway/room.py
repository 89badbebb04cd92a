"""
The bodies that are in memory at one moment, bounded for all senders together.

What is made of a body while it is read and stored is up to twenty times as large. So only some
megabytes are in work at once and the others wait, as the bytes that came; where those become too
many, a large body is refused, and its sender repeats. Small ones, as nearly all alerts are, neither
wait nor are refused here: the line of their source in the writer bounds them.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from cct_ops.config.sources import KIB, MIB
from cct_ops.gateway.limits import NoRoom

SMALL_BYTES = 64 * KIB
HELD_BYTES = 64 * MIB
WORKED_BYTES = 2 * MIB
_CALM_SECONDS = 1.0

# Of glibc, which else keeps what the largest body ever took.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


class Room:
    """The room for the bodies of one gateway."""

    def __init__(self) -> None:
        self._held = 0
        self._worked = 0
        self._next = asyncio.Lock()  # in order: or small ones would overtake a large one for ever
        self._left = asyncio.Event()
        self._giving_back: asyncio.TimerHandle | None = None

    @contextmanager
    def growing(self) -> Iterator[Callable[[int], None]]:
        """
        Hold one body until the block ends; the yielded function is told of what comes of it.

        It raises ``NoRoom`` where a large body finds no room beside the others.
        """
        size = 0

        def grow(more: int) -> None:
            nonlocal size
            size += more
            self._held += more
            if size > SMALL_BYTES and self._held > max(HELD_BYTES, size):
                raise NoRoom

        try:
            yield grow
        finally:
            self._held -= size

    @asynccontextmanager
    async def work(self, size: int, patience_seconds: float) -> AsyncIterator[None]:
        """Work on a body of this size in its turn; raises ``TimeoutError`` if it does not come."""
        if size <= SMALL_BYTES:
            yield
            return
        async with asyncio.timeout(patience_seconds), self._next:
            # One that is alone has room, however large it is.
            while self._worked and self._worked + size > WORKED_BYTES:
                self._left.clear()
                await self._left.wait()
            self._worked += size
        if self._giving_back is not None:
            self._giving_back.cancel()
        try:
            yield
        finally:
            self._worked -= size
            self._left.set()
            if not self._worked and _trim is not None:
                loop = asyncio.get_running_loop()
                self._giving_back = loop.call_later(_CALM_SECONDS, _trim, 0)
