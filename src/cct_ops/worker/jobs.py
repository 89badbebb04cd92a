"""The job of a run (all that it needs to start), made as ``BaseWorker`` would make it."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prefect.client.schemas.objects import FlowRun
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from cct_ops.worker.deployment_cache import CachedDeployment, DeploymentCache, is_plain
from cct_ops.worker.protocol import Command


class _Configuration(ProcessJobConfiguration):
    """One whose environment is made once: a worker keeps its settings, and they take their time."""

    @classmethod
    @cache
    def _base_environment(cls) -> dict[str, str]:
        return super()._base_environment()


@dataclass(frozen=True)
class Job:
    """All that a run needs to start."""

    configuration: ProcessJobConfiguration
    command: Command


@dataclass(frozen=True)
class Jobs:
    """Makes the jobs of one worker for one checkout."""

    worker: ProcessWorker
    cache: DeploymentCache
    project: Path

    async def checked(
        self,
        known: CachedDeployment,
        flow_run: FlowRun,
        heard_at: float,
        ready: Callable[[Command], None],
    ) -> Job | None:
        """Make the job from the cache and call ``ready``; another if that is older than the run."""

        async def make() -> Job | None:
            job = await self._job(known, flow_run)
            if job is not None:
                ready(job.command)
            return job

        try:
            job, now = await asyncio.gather(make(), self.cache.of(flow_run, since=heard_at))
            if now and now.deployment.updated == known.deployment.updated:
                return job
            return await self._job(now, flow_run)
        except Exception:  # noqa: BLE001 -- the public path meets the same, and reports it
            return None

    async def command(self, flow_run: FlowRun) -> Command | None:
        """Make the command of a run that has started already; None if its code is elsewhere."""
        known = await self.cache.of(flow_run, since=time.monotonic())
        job = await self._job(known, flow_run)
        return None if job is None else job.command

    async def _job(self, known: CachedDeployment | None, flow_run: FlowRun) -> Job | None:
        """Make the job; None if it is none for a warm process."""
        entrypoint = known and known.entrypoint_in(self.project)
        if known is None or entrypoint is None:
            return None
        work_pool = copy.deepcopy(self.worker.work_pool)  # the server may send another meanwhile
        configuration: ProcessJobConfiguration
        configuration = await _Configuration.from_template_and_values(
            base_job_template=work_pool.base_job_template,
            values=known.job_variables(flow_run),
            client=self.worker.client,
        )
        configuration.prepare_for_flow_run(
            flow_run=flow_run,
            deployment=known.deployment,
            flow=known.flow,
            work_pool=work_pool,
            worker_name=self.worker.name,
            worker_id=self.worker.backend_id,
        )
        if not is_plain(configuration):
            return None
        command = Command(
            kind="run",
            flow_run=flow_run.model_dump(mode="json"),
            entrypoint=entrypoint,
            env={name: value for name, value in configuration.env.items() if value is not None},
            answers=await self.cache.answers(known, flow_run, work_pool),
            stream_output=configuration.stream_output,
        )
        return Job(configuration, command)
