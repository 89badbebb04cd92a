"""
A run begins with one request, the change to Running, once it is ours.

Prefect's engine makes two updates before it (policy, name) and reads the run after it. The updates
are sent as one while the run gets on, and what it would read is known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, StateWaitDetails
from prefect.exceptions import ObjectNotFound
from prefect.logging.loggers import flow_run_logger

_CLIENT: Any = SyncPrefectClient
# A server whose clock is behind lets a run wait that is due; the next one asked may know better.
_LONGEST_WAIT_SECONDS = 5
_UPDATE_SECONDS = 0.1  # later: the first look at what is wrong has the processor to itself


class StartBatching:
    """
    Replaces methods of the client until the run is Running.

    It waits for ``claimed`` before its first request, and calls ``began`` after it.
    """

    def __init__(
        self, known: FlowRun, claimed: Callable[[], None], began: Callable[[], None]
    ) -> None:
        self._known = known
        self._claimed = claimed
        self._began = began
        self._updates: dict[str, Any] = {}
        self._update = _CLIENT.update_flow_run
        self._rename = _CLIENT.set_flow_run_name
        self._propose = _CLIENT.set_flow_run_state
        self._read = _CLIENT.read_flow_run

    def install(self) -> None:
        """Replace the methods."""

        def hold(_client: Any, flow_run_id: UUID, **what: Any) -> None:  # noqa: ARG001 -- ours
            self._updates.update(what)

        def propose(client: Any, flow_run_id: UUID, state: State[Any], force: bool = False) -> Any:
            self._claimed()
            # What ends before it began (its parameters are wrong) and what is resumed go the
            # engine's way: both depend on the policy.
            in_order = not state.is_running() or self._known.empirical_policy.resuming
            if in_order:
                self._send(client)
            answer = self._propose(client, flow_run_id, state, force)
            if answer.state is not None and answer.state.is_running():
                self._running(client, None if in_order else answer.state)
            return _asked_again_soon(answer)

        _CLIENT.update_flow_run = _CLIENT.set_flow_run_name = hold
        _CLIENT.set_flow_run_state = propose

    def _running(self, client: Any, state: State[Any] | None) -> None:
        """Put back what was replaced; in ``state`` the server has not seen the updates yet."""
        self._began()
        _CLIENT.update_flow_run, _CLIENT.set_flow_run_name = self._update, self._rename
        _CLIENT.set_flow_run_state = self._propose
        if state is None:
            return
        sending = threading.Timer(_UPDATE_SECONDS, self._send, args=(client,))
        sending.daemon = True
        sending.start()

        def look(_client: Any, flow_run_id: UUID) -> FlowRun:  # noqa: ARG001 -- ours
            _CLIENT.read_flow_run = self._read
            return self._as_it_is(state)

        def propose(client: Any, *arguments: Any, **more: Any) -> Any:
            sending.join()  # what comes next may depend on the policy
            _CLIENT.set_flow_run_state = self._propose
            return self._propose(client, *arguments, **more)

        _CLIENT.read_flow_run, _CLIENT.set_flow_run_state = look, propose

    def _send(self, client: Any) -> None:
        try:
            self._update(client, self._known.id, **self._updates)
        except (httpx.HTTPError, ObjectNotFound) as error:
            flow_run_logger(self._known).warning("The run keeps its old name and policy: %s", error)

    def _as_it_is(self, state: State[Any]) -> FlowRun:
        """Return the run as the server has it once it is Running."""
        begun = {
            "state": state,
            "state_id": state.id,
            "state_type": state.type,
            "state_name": state.name,
            "run_count": self._known.run_count + 1,
            "start_time": self._known.start_time or state.timestamp,
        }
        return self._known.model_copy(update={**self._updates, **begun})


def _asked_again_soon(answer: OrchestrationResult[Any]) -> OrchestrationResult[Any]:
    """Return the answer; one that lets the run wait, with a wait that is not too long."""
    details = answer.details
    if not isinstance(details, StateWaitDetails):
        return answer
    seconds = min(details.delay_seconds, _LONGEST_WAIT_SECONDS)
    shorter = details.model_copy(update={"delay_seconds": seconds})
    return answer.model_copy(update={"details": shorter})
