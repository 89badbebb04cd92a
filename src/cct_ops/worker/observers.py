"""
Prefect's observers of suspensions and cancellations, one of each for all runs of the worker.

Prefect has each process look for its own suspension, with a connection to the stream of events. The
server then compares every event with every run: in a crowd that is most of what it does. Here one
connection observes for all, and the process that is suspended is notified.

An observer listens to the stream of events. Once that breaks off it polls, and three polls without
an answer end it for good: after an outage of half a minute the worker would start runs as before,
and never see again that somebody cancels one. So it is restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from cct_ops.worker.compatibility import FlowRunCancellingObserver, FlowRunSuspendingObserver
from cct_ops.worker.forks import Child

Observer = FlowRunCancellingObserver | FlowRunSuspendingObserver

_RESTART_SECONDS = 1.0
_AGAIN_SECONDS = 5.0

_log = logging.getLogger("prefect.worker.warm")


class Suspensions:
    """One observer for all processes; once it ends, those that go on observe for themselves."""

    def __init__(self) -> None:
        self._children: dict[UUID, Child] = {}
        self.observer = FlowRunSuspendingObserver(on_suspended=self._forward)

    @contextlib.contextmanager
    def watched(self, flow_run: FlowRun, child: Child) -> Iterator[None]:
        """Notify the child for as long as the block lasts; what was before this state is past."""
        watch = self.observer._create_watch(flow_run.id)  # noqa: SLF001 -- checked in compatibility
        watch.initialize(flow_run.state)
        self.observer._watches[flow_run.id] = watch  # noqa: SLF001 -- checked in compatibility
        self._children[flow_run.id] = child
        try:
            yield
        finally:
            self.observer.remove_in_flight_flow_run_id(flow_run.id)
            del self._children[flow_run.id]

    def _forward(self, flow_run_id: UUID, state: State[Any]) -> None:
        child = self._children.get(flow_run_id)
        if child is not None:
            child.send_line(state.model_dump_json())


async def restart_observers(observers: Callable[[], Iterable[Observer]]) -> None:
    """Let each observer that gave up poll again, for ever."""
    while True:
        for observer in observers():
            polling = observer._polling_task  # noqa: SLF001 -- held by a test against a real outage
            if polling is not None and polling.done() and not polling.cancelled():
                observer._start_polling_task(polling)  # noqa: SLF001 -- checked in compatibility
        await asyncio.sleep(_RESTART_SECONDS)


def keep_running(work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """Start work in the background, and start it again after any failure."""

    async def keep_up() -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 -- it is logged
                _log.exception("What works in the background begins again.")
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    return asyncio.create_task(keep_up())
