"""
A cache of the deployments of the worker's pool, so that a start does not wait for an answer.

An entry is checked while a run is claimed; runs that wait for admission share an answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.objects import Flow, FlowRun, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_CLIENT_CSRF_SUPPORT_ENABLED
from prefect.utilities.processutils import command_to_string, get_sys_executable
from prefect.workers.process import ProcessJobConfiguration

from cct_ops.worker.protocol import ServerAnswers, Token

STORAGE_SECONDS = 30.0
_ENGINE = command_to_string([get_sys_executable(), "-m", "prefect.engine"])
_NO_TOKENS = frozenset({404, 422})  # the server is older, or asks for none
_BULKY = {"parameter_openapi_schema", "parameters", "pull_steps", "job_variables", "schedules"}
_PULL = "prefect.deployments.steps.set_working_directory"


@dataclass(frozen=True)
class CachedDeployment:
    """A deployment and its flow."""

    deployment: DeploymentResponse
    flow: Flow

    def entrypoint_in(self, project: Path) -> str | None:
        """Return the flow's place in this checkout; None if its code comes from elsewhere."""
        entrypoint = self.deployment.entrypoint
        if not entrypoint or ":" not in entrypoint:
            return None
        steps = self.deployment.pull_steps
        if not steps:
            folder = self.deployment.path
        elif len(steps) == 1 and _PULL in steps[0]:
            folder = steps[0][_PULL].get("directory")
        else:
            return None
        return entrypoint if folder and Path(folder) == project else None

    def job_variables(self, flow_run: FlowRun) -> dict[str, object]:
        """Return what the run's job is made from: its own values over the deployment's."""
        ours, own = self.deployment.job_variables or {}, flow_run.job_variables or {}
        env = {**(ours.get("env") or {}), **(own.get("env") or {})}
        return {**ours, **own, **({"env": env} if env else {})}


class DeploymentCache:
    """A cache of deployments and flows."""

    def __init__(self, client: PrefectClient, pool: str) -> None:
        self._client = client
        self._pool = pool
        self._deployments: dict[UUID, tuple[DeploymentResponse, float]] = {}
        self._flows: dict[UUID, Flow] = {}
        self._queues: dict[UUID, WorkQueue] = {}
        self._result_storage: tuple[UUID | None, float] = None, 0.0
        self._token: Token | None = None
        self._renew_token_at = datetime.now(UTC)
        self._tokens = bool(PREFECT_CLIENT_CSRF_SUPPORT_ENABLED.value())

    async def fill(self) -> None:
        """Read the deployments of the pool; raises what the client raises."""
        await self._current_token()
        ours = WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool]))
        asked_at = time.monotonic()
        for deployment in await self._client.read_deployments(work_pool_filter=ours, limit=200):
            self._deployments[deployment.id] = deployment, asked_at
            await self._flow(deployment.flow_id)

    async def of(self, flow_run: FlowRun, *, since: float = 0.0) -> CachedDeployment | None:
        """
        Return what the run is made from; raises ``ObjectNotFound`` if that is gone.

        It was asked for after ``since`` (of the monotonic clock): once a run exists, whatever
        somebody deployed before it is in the answer. By default it is as it was last known.
        """
        if flow_run.deployment_id is None:
            return None
        deployment, asked_at = self._deployments.get(flow_run.deployment_id, (None, 0.0))
        if deployment is None or asked_at < since:
            asked_at = time.monotonic()
            deployment = await self._client.read_deployment(flow_run.deployment_id)
            self._deployments[deployment.id] = deployment, asked_at
        return CachedDeployment(deployment, await self._flow(deployment.flow_id))

    async def answers(
        self, known: CachedDeployment, flow_run: FlowRun, pool: WorkPool
    ) -> ServerAnswers:
        """Return what the run's process would ask for itself."""
        related: dict[str, dict[str, Any]] = {
            f"flow.{known.flow.id}": known.flow.model_dump(mode="json"),
            f"deployment.{known.deployment.id}": known.deployment.model_dump(
                mode="json", exclude=_BULKY
            ),
            f"work-pool.{pool.name}": pool.model_dump(mode="json", exclude={"base_job_template"}),
        }
        if flow_run.work_queue_id is not None:
            queue = await self._queue(flow_run.work_queue_id)
            related[f"work-queue.{queue.id}"] = queue.model_dump(mode="json")
        return ServerAnswers(
            token=await self._current_token(),
            result_storage=await self._place_of_results(),
            related=related,
        )

    async def _queue(self, queue_id: UUID) -> WorkQueue:
        if queue_id not in self._queues:
            self._queues[queue_id] = await self._client.read_work_queue(queue_id)
        return self._queues[queue_id]

    async def _place_of_results(self) -> UUID | None:
        found, read_at = self._result_storage
        if time.monotonic() - read_at > STORAGE_SECONDS:
            answer = await self._client.read_server_default_result_storage()
            found = answer.default_result_storage_block_id
            self._result_storage = found, time.monotonic()
        return found

    async def _current_token(self) -> Token | None:
        """Return a token for processes that has half of its time before it."""
        now = datetime.now(UTC)
        if self._tokens and now >= self._renew_token_at:
            client = uuid4()  # renewing the one that is out would take it from who has it
            try:
                answer = await self._client.request(
                    "GET", "/csrf-token", params={"client": str(client)}
                )
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in _NO_TOKENS:
                    raise
                self._tokens, self._token = False, None
            else:
                self._token = Token.model_validate(answer.json())
                self._renew_token_at = now + (self._token.expiration - now) / 2
        return self._token

    async def _flow(self, flow_id: UUID) -> Flow:
        if flow_id not in self._flows:
            self._flows[flow_id] = await self._client.read_flow(flow_id)
        return self._flows[flow_id]


def is_plain(configuration: ProcessJobConfiguration) -> bool:
    """Return True if the job is nothing but the run of the flow in an environment."""
    return configuration.command == _ENGINE and configuration.working_dir is None
