"""
Which of the worker's runs somebody suspends while they run.

Prefect has each process ask for itself, with a connection to the stream of events. The server then
compares every event with every run: in a crowd that is most of what it does. Here one connection
sees for all, and the process that it is about is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Self
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from cct_ops.worker.compatibility import FlowRunSuspendingObserver
from cct_ops.worker.forks import Child


class Suspensions:
    """One observer for all processes."""

    def __init__(self) -> None:
        self._children: dict[UUID, Child] = {}
        self.observer = FlowRunSuspendingObserver(on_suspended=self._tell)

    async def __aenter__(self) -> Self:
        """Connect."""
        observer: Any = self.observer  # its methods have no types
        await observer.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        """Let go; processes that go on observe for themselves."""
        await self.observer.__aexit__(*exc_info)

    @contextlib.contextmanager
    def watched(self, flow_run: FlowRun, child: Child) -> Iterator[None]:
        """Tell the child for as long as the block lasts; what was before this state is past."""
        watch = self.observer._create_watch(flow_run.id)  # noqa: SLF001 -- checked in contract
        watch.initialize(flow_run.state)
        self.observer._watches[flow_run.id] = watch  # noqa: SLF001 -- checked in contract
        self._children[flow_run.id] = child
        try:
            yield
        finally:
            self.observer.remove_in_flight_flow_run_id(flow_run.id)
            del self._children[flow_run.id]

    def _tell(self, flow_run_id: UUID, state: State[Any]) -> None:
        child = self._children.get(flow_run_id)
        if child is not None:
            child.say(state.model_dump_json())
