"""
The worker type ``warm``: Prefect's process worker, with runs that are forked instead of started.

This is the one module that goes ahead of ``BaseWorker``'s submit path; what it builds on is listed
and checked in ``compatibility``. A run that is not ours to fork (other code than this checkout, a
command of its own) and every run while no warm process can be had takes the public path: slower,
never lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx
from anyio.abc import TaskGroup, TaskStatus
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from cct_ops.settings import Settings
from cct_ops.stack.config import project_of
from cct_ops.worker import metrics, reported
from cct_ops.worker.admission import Admission
from cct_ops.worker.deployment_cache import DeploymentCache
from cct_ops.worker.drain import Drain
from cct_ops.worker.forks import Child, NotWarm
from cct_ops.worker.jobs import Jobs
from cct_ops.worker.leaving import Leaving
from cct_ops.worker.polls import Polls
from cct_ops.worker.prefork_pool import PreforkPool, environment
from cct_ops.worker.run_lock_files import RunLockFiles
from cct_ops.worker.run_notifications import RunNotifications
from cct_ops.worker.start_rules import StartRules

try:
    from cct_ops.worker import compatibility
    from cct_ops.worker.execution import Execution, Ready
    from cct_ops.worker.observers import Observer, Suspensions, keep_running, restart_observers
except ImportError as error:
    _INCOMPATIBILITIES = [f"{error}"]
else:
    _INCOMPATIBILITIES = compatibility.find_incompatibilities()

_log = logging.getLogger("prefect.worker.warm")


class WarmWorker(ProcessWorker):
    """Runs flows of the checkout that it is started in, in processes forked ready to run."""

    type = "warm"
    _display_name = "Warm process"
    _description = (
        "Execute flow runs of a checkout in processes forked with everything imported: they start"
        " in a fraction of a second. Everything else is as with the process worker."
    )
    _documentation_url = ""

    async def __aenter__(self) -> Self:
        """Start the fork server first: it loads while the worker connects to the server."""
        self._stack = contextlib.AsyncExitStack()
        self._background: list[asyncio.Task[None]] = []
        self._in_hand: set[UUID] = set()
        self._leaving = await self._stack.enter_async_context(Leaving(self._in_hand))
        self._admission = Admission(lambda: self.client.read_work_pool(self._work_pool_name))
        self._claimed: deque[UUID] = deque(maxlen=1000)  # the latest Scheduled states
        if _INCOMPATIBILITIES:
            _log.warning("Runs start slowly, as process worker: %s.", "; ".join(_INCOMPATIBILITIES))
            await self._connect()
            return self
        settings = Settings.load()
        self._project = project_of(Path.cwd())
        self._prefork_pool = PreforkPool(self._project, environment(), idle=settings.warm_processes)
        self._prefork_pool.start()
        metrics.serve(settings, self._in_hand, self._prefork_pool)
        self._stack.push_async_callback(self._prefork_pool.stop)
        await self._connect()
        context = await self._stack.enter_async_context(compatibility.FlowRunExecutorContext())
        suspensions = Suspensions()
        await self._stack.enter_async_context(suspensions.observer)
        self._observers: list[Observer] = [context._observer, suspensions.observer]  # noqa: SLF001 -- see observers
        self._jobs = Jobs(self, self._cache, self._project)
        self._execution = Execution(context, suspensions, self._prefork_pool, self._jobs.command)
        pool = get_current_settings().home / "warm-worker" / self._work_pool_name
        self._lock_files = RunLockFiles.begin(pool)
        self._stack.callback(self._lock_files.end)
        notifications = RunNotifications(settings.database_url, self._work_pool_name, self.client)
        self._background = [
            keep_running(partial(self._execution.settle_abandoned_runs, pool, self._in_hand)),
            keep_running(partial(notifications.listen, self._start_notified)),
            keep_running(partial(restart_observers, self._observing)),
            keep_running(self._polls.listen),
        ]
        try:
            await self._cache.fill()
            await self._prefork_pool.ready()
        except (NotWarm, httpx.HTTPError) as error:
            _log.warning("The first runs may start slowly: %s", error)
        return self

    async def _connect(self) -> None:
        await super().__aenter__()
        self._cache = DeploymentCache(self.client, self._work_pool_name)
        drain = await self._stack.enter_async_context(Drain(Settings.load().database_url))
        self._rules = StartRules(self.client, self._work_pool_name, self._cache, drain)
        self._polls = Polls(self.client, self._work_pool_name, self._rules)

    async def __aexit__(self, *exc_info: Any) -> None:
        """Stop what we added once the runs have been seen to."""
        for task in self._background:
            task.cancel()
        try:
            await super().__aexit__(*exc_info)
        finally:
            await self._stack.__aexit__(*exc_info)

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """Poll, if it is time for that."""
        busy = bool(self._in_hand or self._submitting_flow_run_ids)
        due = await self._polls.due(self._work_queues, self._prefetch_seconds, busy=busy)
        return [self._as_polled(run) for run in due]

    async def _submit_scheduled_flow_runs(
        self, flow_run_response: list[WorkerFlowRunResponse]
    ) -> list[FlowRun]:
        """
        Leave out what may not start, and what we have, or had: a run may come twice.

        Each Scheduled state is claimed once. Prefect itself would let a finished run be claimed
        again by a notification that comes late.
        """
        may = {run.id for run in await self._rules.allowed(self._new(flow_run_response))}
        # Another notification of the same run may have come meanwhile.
        new = {run.id for run in self._new(flow_run_response)} & may
        submitted = await super()._submit_scheduled_flow_runs(
            [entry for entry in flow_run_response if entry.flow_run.id in new]
        )
        for run_id in may - {run.id for run in submitted}:  # beyond this worker's own limit
            self._rules.settled(run_id)
        return submitted

    def _new(self, heard: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        known = self._in_hand | self._submitting_flow_run_ids
        return [
            run
            for run in (entry.flow_run for entry in heard if not self._leaving.has_begun)
            if run.id not in known and (run.state is None or run.state.id not in self._claimed)
        ]

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Start a run once it is admitted, unless something was paused meanwhile."""
        heard_at = self._rules.asked_at
        try:
            if _INCOMPATIBILITIES:
                await super()._submit_run(flow_run)
                return
            self._in_hand.add(flow_run.id)
            async with self._admission.start():
                try:
                    if not await self._rules.still_allowed(flow_run, heard_at):
                        self._leave(flow_run)
                        return
                    child = await self._start(flow_run, heard_at)
                except Exception as error:  # noqa: BLE001 -- it is reported, in the log and as the run's state
                    await self._lost(flow_run, error)
                    return
                self._rules.settled(flow_run.id)
                if child is not None:
                    await self._admission.begun(child)
        finally:
            self._rules.settled(flow_run.id)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        return await reported.claimed(super()._propose_pending_state(flow_run), flow_run)

    async def _lost(self, flow_run: FlowRun, error: Exception) -> None:
        """Go on after a start that failed in a way nobody foresaw: it is no other run's end."""
        _log.error("Run %s could not be started.", flow_run.name, exc_info=error)
        self._leave(flow_run)
        message = f"The warm worker could not start it: {type(error).__name__}: {error}"
        try:
            await self._propose_crashed_state(flow_run, message)
        except (ObjectNotFound, httpx.HTTPError) as failure:
            _log.warning("Run %s keeps its state: %s", flow_run.name, failure)

    async def _start(self, flow_run: FlowRun, heard_at: float) -> Child | None:
        """Claim a run while a process is made ready for it, and let it begin."""
        with contextlib.ExitStack() as holding:
            known = ready = lock_file = None
            try:
                known = await self._cache.of(flow_run)
                if flow_run.state_id and known and known.entrypoint_in(self._project):
                    held = self._lock_files.held(flow_run.id, flow_run.state_id)
                    lock_file, lock = holding.enter_context(held)
                    ready = await self._execution.ready(flow_run, lock_file, lock)
            except (NotWarm, ObjectNotFound, httpx.HTTPError, OSError) as error:
                _log.warning("Run %s takes the slow path: %s", flow_run.name, error)
            if known is None or ready is None:  # the public path, which also reports what is wrong
                metrics.SLOW_STARTS.inc()
                if lock_file is not None:
                    lock_file.remove()  # it would be no sign of life of such a run
                self._in_hand.discard(flow_run.id)
                await super()._submit_run(flow_run)
                return None
            pid: object = None
            claimed, job = await asyncio.gather(
                self._propose_pending_state(flow_run),
                self._jobs.checked(known, flow_run, heard_at, ready.hand_over),
            )
            if claimed and flow_run.state is not None:
                self._claimed.append(flow_run.state.id)
            warm = bool(claimed and job and await ready.has(job.command))
            metrics.record_claim(granted=bool(claimed), warm=warm)
            if job and warm:
                pid = await self._group.start(partial(self._supervise, ready, job.configuration))
            else:
                ready.drop()
                self._in_hand.discard(flow_run.id)
                ready.lock_file.remove()
        if claimed and not warm:
            pid = await self._group.start(self._submit_run_and_capture_errors, flow_run)
        self._leave(flow_run, has_begun=isinstance(pid, int))
        if isinstance(pid, int):
            informed = self._admission.after
            self._group.start_soon(reported.record_start, self, informed, flow_run, pid)
        return ready.child if warm else None

    def _leave(self, flow_run: FlowRun, *, has_begun: bool = False) -> None:
        """Let go of what is kept for a run that is being submitted."""
        if not has_begun:
            self._release_limit_slot(flow_run.id)
            self._in_hand.discard(flow_run.id)
        self._submitting_flow_run_ids.discard(flow_run.id)
        if self._cancelling_observer is not None:
            self._cancelling_observer.remove_in_flight_flow_run_id(flow_run.id)

    async def _supervise(
        self, ready: Ready, configuration: ProcessJobConfiguration, *, task_status: TaskStatus[Any]
    ) -> None:
        """Carry a claimed run to its end; whatever goes wrong with it is no end of the worker."""
        submitted = self._emit_flow_run_submitted_event(configuration)
        began = False

        def on_start(pid: object) -> None:
            nonlocal began
            began = True
            task_status.started(pid)

        try:
            result = await self._execution.run(ready, on_start)
        except Exception as error:  # noqa: BLE001 -- it is reported, in the log and as the run's state
            _log.error("Run %s was lost.", ready.flow_run.name, exc_info=error)
            if not began:
                task_status.started(error)
            message = f"The warm worker could not see to it: {type(error).__name__}: {error}"
            await self._propose_crashed_state(ready.flow_run, message)
        else:
            self._emit_flow_run_executed_event(result, configuration, submitted)
        finally:
            self._release_limit_slot(ready.flow_run.id)
            self._in_hand.discard(ready.flow_run.id)
        ready.lock_file.remove()

    def _observing(self) -> Iterator[Observer]:
        """Yield all that look out for what is done to our runs; one comes with the first sync."""
        yield from self._observers
        if self._cancelling_observer is not None:
            yield self._cancelling_observer

    async def _start_notified(self, flow_run: FlowRun) -> None:
        """Start a run that we were notified of, unless we know it already."""
        if self._has_successfully_synced and self.is_setup:
            await self._submit_scheduled_flow_runs([self._as_polled(flow_run)])

    def _as_polled(self, flow_run: FlowRun) -> WorkerFlowRunResponse:
        pool, queue = self.work_pool.id, flow_run.work_queue_id or self.work_pool.id
        return WorkerFlowRunResponse(work_pool_id=pool, work_queue_id=queue, flow_run=flow_run)

    @property
    def _group(self) -> TaskGroup:
        assert self._runs_task_group is not None  # noqa: S101 -- set up before anything runs
        return self._runs_task_group
