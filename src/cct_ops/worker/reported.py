"""What a worker and Prefect say to each other about a run that starts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import anyio
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound, Pause
from prefect.workers.process import ProcessWorker

_log = logging.getLogger("prefect.worker.warm")

_WRITE_SECONDS = 1.0  # what only informs is written when the run has started


async def claimed(proposal: Awaitable[bool], flow_run: FlowRun) -> bool:
    """
    Return whether the run is ours; it is not where another worker was first.

    Of one that already waits for a yes there, Prefect says so by a signal, which is no
    ``Exception``: it would end the worker, and the runs that it has with it.
    """
    try:
        return await proposal
    except Pause as signal:
        _log.info("Run %s is another worker's: %s", flow_run.name, signal)
        return False


async def record_start(
    worker: ProcessWorker,
    informed: Callable[[], AbstractAsyncContextManager[None]],
    flow_run: FlowRun,
    pid: int,
) -> None:
    """Record with Prefect what only informs people, once it is in nobody's way."""
    await anyio.sleep(_WRITE_SECONDS)
    try:
        async with informed():
            await worker.client.update_flow_run(flow_run.id, infrastructure_pid=str(pid))
            await worker._give_worker_labels_to_flow_run(flow_run.id)  # noqa: SLF001 -- checked in compatibility
    except (ObjectNotFound, httpx.HTTPError) as error:
        _log.warning("Run %s has no worker's name on it: %s", flow_run.name, error)
