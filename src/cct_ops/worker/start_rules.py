"""
Prefect's pauses and limits, held for every run, whichever way the worker was notified of it.

And our own drain, which is a pause of everything.

Prefect's server heeds the pause and the limit of a pool or queue only while it answers a poll, and
the pause of a deployment only while it makes runs for a schedule. So a run that the worker was
notified of, or that was resumed, or that waited long for admission, would pass them by; here they
are asked for before each claim. A run that has to wait keeps its Scheduled state, and later polls
find it.

Runs of upkeep put back what others changed: they are no new change, and a pause or limit that held
them up would let a weakening outlive its time. Nothing here holds them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
    WorkQueueFilter,
    WorkQueueFilterId,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from cct_ops.models.run import UPKEEP, at_most
from cct_ops.worker.deployment_cache import DeploymentCache
from cct_ops.worker.drain import Drain

FRESH_SECONDS = 1.0
"""An answer that is no older counts for a run that is admitted."""

_log = logging.getLogger("prefect.worker.warm")

_AT_WORK = FlowRunFilter(
    state=FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING])
    )
)


@dataclass
class _Facts:
    """The server's answer: pauses, limits, runs at work, and when it was asked."""

    asked_at: float
    pool: WorkPool
    queues: dict[UUID, WorkQueue]
    drained: str | None = None
    deployments: dict[UUID, DeploymentResponse] = field(default_factory=dict)
    at_work: dict[UUID, int] = field(default_factory=dict)

    def of(self, run: FlowRun) -> DeploymentResponse | None:
        return self.deployments.get(run.deployment_id) if run.deployment_id else None

    def paused(self, run: FlowRun) -> str | None:
        """Return what is paused and holds the run, if anything does."""
        deployment, queue = self.of(run), self.queues.get(run.work_queue_id or self.pool.id)
        if deployment is not None and UPKEEP in deployment.tags:
            return None
        if self.drained is not None:
            return self.drained
        if self.pool.is_paused:
            return f"the work pool {self.pool.name} is paused"
        if queue is not None and queue.is_paused:
            return f"the work queue {queue.name} is paused"
        if deployment is not None and deployment.paused:
            return f"the deployment {deployment.name} is paused"
        return None

    def full(self, run: FlowRun, uncounted: Iterable[FlowRun]) -> str | None:
        """Return whose limit holds the run; the server may not yet count some that we claim."""
        deployment, others = self.of(run), list(uncounted)
        if deployment is not None and UPKEEP in deployment.tags:
            return None
        ours = sum(each.deployment_id == run.deployment_id for each in others)
        queued = sum(each.work_queue_id == run.work_queue_id for each in others)
        own = None if deployment is None else at_most(deployment.tags)
        for name, place, limit, more in (
            ("work pool", self.pool.id, self.pool.concurrency_limit, len(others)),
            ("work queue", run.work_queue_id, _limit(self.queues, run.work_queue_id), queued),
            ("deployment", run.deployment_id, own, ours),
        ):
            if limit is not None and place and self.at_work.get(place, 0) + more >= limit:
                return f"{limit} runs at once are the limit of its {name}"
        return None


class StartRules:
    """Asks the server, and knows which runs are being claimed."""

    def __init__(
        self, client: PrefectClient, pool: str, cache: DeploymentCache, drain: Drain
    ) -> None:
        self._client = client
        self._pool = pool
        self._cache = cache
        self._drain = drain
        self._one_after_the_other = asyncio.Lock()
        self._claiming: dict[UUID, FlowRun] = {}
        self._facts: _Facts | None = None
        self._logged: dict[UUID, str] = {}
        self.asked_at = 0.0
        """When the runs that were allowed last were already there (of the monotonic clock)."""

    async def allowed(self, runs: Sequence[FlowRun]) -> list[FlowRun]:
        """Return those that may start; each counts as being claimed until ``settled``."""
        if not runs:
            return []
        async with self._one_after_the_other:
            self.asked_at = time.monotonic()
            return await self._judged(runs)

    async def _judged(self, runs: Sequence[FlowRun]) -> list[FlowRun]:
        uncounted = dict(self._claiming)
        may: list[FlowRun] = []
        try:
            facts = await self._ask(runs, since=self.asked_at)
            await self._count(facts, runs)
            for run in runs:
                if run.id in self._claiming:  # we heard of it twice
                    continue
                why = facts.paused(run) or facts.full(run, uncounted.values())
                if why is None:
                    uncounted[run.id] = self._claiming[run.id] = run
                    may.append(run)
                else:
                    self._log_once(run, why)
        except (httpx.HTTPError, ObjectNotFound) as error:
            _log.warning("Nothing starts, as pauses are not known: %s", type(error).__name__)
            return []
        except Exception as error:  # noqa: BLE001 -- it is logged, and holds up no other run
            for run in may:
                self.settled(run.id)
            if len(runs) > 1:  # each alone, so that only the odd one waits
                return [run for each in runs for run in await self._judged([each])]
            self._log_once(runs[0], f"whether it may start is not known, {error!r}"[:500])
            return []
        return may

    async def still_allowed(self, run: FlowRun, heard_at: float) -> bool:
        """Return False if something was paused while the run waited for admission."""
        now = time.monotonic()
        if now - heard_at < FRESH_SECONDS:
            return True
        async with self._one_after_the_other:
            try:
                facts = await self._ask([run], since=now - FRESH_SECONDS)
            except (httpx.HTTPError, ObjectNotFound):
                return False
        why = facts.paused(run)
        if why is not None:
            self._log_once(run, why)
        return why is None

    def settled(self, run_id: UUID) -> None:
        """Note that the server knows what became of the claim."""
        self._claiming.pop(run_id, None)

    async def upkeep(self, before: datetime) -> list[FlowRun]:
        """Return the runs of upkeep that are due by then; no poll does while a pause lasts."""
        found = await self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=before),
            ),
            deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(any_=[UPKEEP])),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
        )
        # one that its own process tries again is still in that process's hands
        return [run for run in found if run.empirical_policy.retry_type != "in_process"]

    async def _ask(self, runs: Sequence[FlowRun], since: float) -> _Facts:
        """Return what is paused and limited, asked for after ``since``."""
        samples = {run.deployment_id: run for run in runs if run.deployment_id}
        facts, known = await asyncio.gather(
            self._places(since),
            asyncio.gather(*(self._deployment(run, since) for run in samples.values())),
        )
        facts.deployments |= {found.id: found for found in known if found is not None}
        self._facts = facts
        return facts

    async def _places(self, since: float) -> _Facts:
        if self._facts is not None and self._facts.asked_at >= since:
            return self._facts
        asked_at = time.monotonic()
        pool, queues, drained = await asyncio.gather(
            self._client.read_work_pool(self._pool),
            self._client.read_work_queues(self._pool),
            self._drain.why(),
        )
        return _Facts(asked_at, pool, {queue.id: queue for queue in queues}, drained)

    async def _deployment(self, run: FlowRun, since: float) -> DeploymentResponse | None:
        try:
            known = await self._cache.of(run, since=since)
        except ObjectNotFound:
            return None  # whoever claims the run meets the same, and reports it
        return None if known is None else known.deployment

    async def _count(self, facts: _Facts, runs: Sequence[FlowRun]) -> None:
        """Ask how many are at work, only where there is a limit."""
        wanted: dict[UUID, dict[str, object]] = {}
        if facts.pool.concurrency_limit is not None:
            name = WorkPoolFilterName(any_=[self._pool])
            wanted[facts.pool.id] = {"work_pool_filter": WorkPoolFilter(name=name)}
        for queue_id in {run.work_queue_id for run in runs if run.work_queue_id}:
            if _limit(facts.queues, queue_id) is not None:
                queue = WorkQueueFilter(id=WorkQueueFilterId(any_=[queue_id]))
                wanted[queue_id] = {"work_queue_filter": queue}
        for deployment in facts.deployments.values():
            if at_most(deployment.tags) is not None:
                one = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
                wanted[deployment.id] = {"deployment_filter": one}
        counts = await asyncio.gather(
            *(
                self._client.count_flow_runs(flow_run_filter=_AT_WORK, **filters)  # type: ignore[arg-type]
                for filters in wanted.values()
            )
        )
        facts.at_work = dict(zip(wanted, counts, strict=True))

    def _log_once(self, run: FlowRun, why: str) -> None:
        """Log once why the run waits."""
        if self._logged.get(run.id) != why:
            if len(self._logged) > 1000:
                self._logged.clear()
            self._logged[run.id] = why
            _log.info("Run %s waits: %s.", run.name, why)


def _limit(queues: dict[UUID, WorkQueue], queue_id: UUID | None) -> int | None:
    queue = queues.get(queue_id) if queue_id else None
    return None if queue is None else queue.concurrency_limit
