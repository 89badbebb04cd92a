"""
A Prefect server on the simulated clock, as far as the controller's sweeps use one.

The sweeps talk to it through Prefect's own client. What it starts are activities in place of
processes: one that died leaves its run Running for ever, which is what Prefect does as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType

from cct_ops.clients.server import Server
from cct_ops.models.run import PLAYBOOK, RECOVER, REVERT, UPKEEP
from evaluation.simulation.process import Process
from evaluation.simulation.scheduler import Activity, Scheduler

OWN = {REVERT, RECOVER}
SERVER = "http://prefect.simulated/api"


@dataclass
class FlowRun:
    """One run, as the server knows it."""

    deployment: str
    parameters: dict[str, str]
    tags: list[str]
    due: datetime
    since: datetime
    id: UUID = field(default_factory=uuid4)
    state: StateType = StateType.SCHEDULED

    def is_in(self, state: StateType) -> bool:
        """Return whether it is in that state now."""
        return self.state is state

    def to_json(self) -> dict[str, Any]:
        """Say it as the server does."""
        return {
            "id": str(self.id),
            "name": f"{self.deployment} {self.id}",
            "flow_id": str(uuid5(NAMESPACE_URL, f"flow {self.deployment}")),
            "deployment_id": str(uuid5(NAMESPACE_URL, self.deployment)),
            "parameters": self.parameters,
            "tags": self.tags,
            "expected_start_time": self.due.isoformat(),
            "state": self._state(),
        }

    def accepted(self) -> dict[str, Any]:
        """Answer to a change of state."""
        details = {"type": "accept_details"}
        return {"state": self._state(), "status": "ACCEPT", "details": details}

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"type": self.state.value, "timestamp": self.since.isoformat()}
        if self.is_in(StateType.SCHEDULED):
            state["state_details"] = {"scheduled_time": self.due.isoformat()}
        return state


@dataclass
class SimulatedServer:
    """The runs that there are, and the worker that plays what is due."""

    scheduler: Scheduler
    deployments: set[str]
    play: Callable[[FlowRun, Process], StateType] = field(init=False)  # what its worker does
    runs: dict[UUID, FlowRun] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    _keys: dict[str, UUID] = field(default_factory=dict)

    def create(
        self,
        deployment: str,
        parameters: dict[str, str],
        at: datetime,
        tags: list[str] | None = None,
        key: str | None = None,
    ) -> FlowRun:
        """Make a run for that moment; with a key that is known it is the one that there is."""
        if key in self._keys:
            return self.runs[self._keys[key]]
        run = FlowRun(deployment, parameters, tags or [], due=at, since=self.scheduler.now)
        self.runs[run.id] = run
        if key is not None:
            self._keys[key] = run.id
        self.scheduler.begin(at, self._process(run))
        return run

    def retry(self, run: FlowRun) -> None:
        """Let a process work on a run once more, as if somebody had pressed the button."""
        self._enter(run, StateType.SCHEDULED)
        self.scheduler.begin(self.scheduler.now, self._process(run))

    def delete(self, run: FlowRun) -> None:
        """Lose a run, as if somebody had deleted it."""
        del self.runs[run.id]

    def completed(self, deployment: str) -> int:
        """Count the deployment's runs that came to their end."""
        return sum(
            run.deployment == deployment and run.is_in(StateType.COMPLETED)
            for run in self.runs.values()
        )

    @contextmanager
    def reached(self) -> Iterator[Server]:
        """Let the sweeps reach it."""
        transport = httpx.MockTransport(self._answer)
        with SyncPrefectClient(
            SERVER, httpx_settings={"transport": transport, "verify": False}
        ) as client:

            @contextmanager
            def connect() -> Iterator[SyncPrefectClient]:
                yield client

            yield Server(connect, lambda _client: self.scheduler.now)

    def _process(self, run: FlowRun) -> Activity:
        if not run.is_in(StateType.SCHEDULED):
            return
        self._enter(run, StateType.RUNNING)
        process = Process(self.scheduler)
        self.processes.append(process)
        ended = yield from process.activity(partial(self.play, run, process))
        if ended is not None and run.is_in(StateType.RUNNING):  # a final state is final
            self._enter(run, ended)

    def _enter(self, run: FlowRun, state: StateType) -> None:
        if state is not run.state:
            run.state, run.since = state, self.scheduler.now

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        path = request.url.path.removeprefix("/api").strip("/").split("/")
        if path[0] == "csrf-token":
            return httpx.Response(422, json={"detail": "CSRF protection is disabled."})
        said = self._say(request.method, path, body)
        if said is None:
            return httpx.Response(404, json={"detail": f"Nothing at {request.url.path}."})
        return httpx.Response(200, json=said)

    def _say(self, method: str, path: list[str], body: Mapping[str, Any]) -> object | None:
        said: object | None = None
        names = {str(uuid5(NAMESPACE_URL, name)): name for name in self.deployments}
        match method, path:
            case "GET", ["deployments", "name", _, name] if name in self.deployments:
                said = _deployment(name)
            case "GET", ["deployments", found] if found in names:
                said = _deployment(names[found])
            case "POST", ["deployments", found, "create_flow_run"] if found in names:
                said = self._made(names[found], body).to_json()
            case "POST", ["flow_runs", "filter"]:
                said = [run.to_json() for run in self._found(body)]
            case "GET", ["flow_runs", found] if UUID(found) in self.runs:
                said = self.runs[UUID(found)].to_json()
            case "POST", ["flow_runs", found, "resume"] if UUID(found) in self.runs:
                run = self.runs[UUID(found)]
                self.retry(run)
                said = run.accepted()
            case "POST", ["flow_runs", found, "set_state"] if UUID(found) in self.runs:
                run = self.runs[UUID(found)]
                self._enter(run, StateType(body["state"]["type"]))
                if run.is_in(StateType.SCHEDULED):
                    run.due = self.scheduler.now
                    self.retry(run)
                said = run.accepted()
        return said

    def _made(self, deployment: str, body: Mapping[str, Any]) -> FlowRun:
        given = body["state"]["state_details"].get("scheduled_time")
        at = datetime.fromisoformat(given) if given else self.scheduler.now
        # What is to start at once comes with the moment of the client's own clock, which is real.
        at_once = abs(datetime.now(UTC) - at) < timedelta(minutes=1)
        return self.create(
            deployment,
            body["parameters"],
            self.scheduler.now if at_once else max(self.scheduler.now, at),
            body.get("tags"),
            body["idempotency_key"],
        )

    def _found(self, body: Mapping[str, Any]) -> list[FlowRun]:
        wanted = body["flow_runs"]
        if wanted.get("id"):
            ids = map(UUID, wanted["id"]["any_"])
            return [self.runs[each] for each in ids if each in self.runs]
        states = wanted["state"]["type"]["any_"]
        return [run for run in self.runs.values() if run.state.value in states]


def _deployment(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, name)),
        "name": name,
        "flow_id": str(uuid5(NAMESPACE_URL, f"flow {name}")),
        "tags": [UPKEEP if name in OWN else PLAYBOOK],
    }
