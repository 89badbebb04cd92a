"""
A worker that is told to stop: it takes nothing new, and sees the runs that it has to their end.

Prefect's worker ends its runs with itself. One in the middle of a change would be put back, for a
restart that has nothing to do with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from cct_ops.settings import Settings

_log = logging.getLogger("prefect.worker.warm")

_LOOK_SECONDS = 0.5


class Leaving:
    """Stands before Prefect's own handler of SIGTERM; told twice, the worker stops at once."""

    def __init__(self, in_hand: Collection[object]) -> None:
        """Take the runs that the worker has; it fills and empties them."""
        self.has_begun = False
        self._in_hand = in_hand
        self._patience_seconds = Settings.load().worker_grace_seconds
        self._waiting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen, if anything is to be waited for."""
        here = threading.current_thread() is threading.main_thread()
        self._listens = here and self._patience_seconds > 0
        if self._listens:
            self._before = signal.getsignal(signal.SIGTERM)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._told)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        self._stop_listening()
        if self._waiting is not None:
            self._waiting.cancel()

    def _told(self) -> None:
        if self.has_begun:
            self._go()
            return
        self.has_begun = True
        self._waiting = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        left = len(self._in_hand)
        _log.info("Told to stop: no run is taken any more, and %s are seen to their end.", left)
        deadline = time.monotonic() + self._patience_seconds
        while self._in_hand and time.monotonic() < deadline:  # noqa: ASYNC110 -- a set has no event
            await asyncio.sleep(_LOOK_SECONDS)
        if left := len(self._in_hand):
            _log.warning("%s runs have not ended in time and are ended now.", left)
        self._go()

    def _go(self) -> None:
        """Let Prefect's own handler have the signal."""
        if self._listens:
            self._stop_listening()
            os.kill(os.getpid(), signal.SIGTERM)

    def _stop_listening(self) -> None:
        if self._listens:
            self._listens = False
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, self._before)
