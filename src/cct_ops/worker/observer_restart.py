"""
Prefect's observers of cancellations and suspensions, kept at work through an outage of its server.

An observer listens to the stream of events. Once that breaks off it polls, and three polls without
an answer end it for good: after an outage of half a minute the worker would start runs as before,
and never see again that somebody cancels one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from cct_ops.worker.compatibility import FlowRunCancellingObserver, FlowRunSuspendingObserver

Observer = FlowRunCancellingObserver | FlowRunSuspendingObserver

_LOOK_SECONDS = 1.0


async def keep_looking(observers: Callable[[], Iterable[Observer]]) -> None:
    """Let each observer that gave up poll again, for ever."""
    while True:
        for observer in observers():
            polling = observer._polling_task  # noqa: SLF001 -- held by a test against a real outage
            if polling is not None and polling.done() and not polling.cancelled():
                observer._start_polling_task(polling)  # noqa: SLF001 -- checked in contract
        await asyncio.sleep(_LOOK_SECONDS)
