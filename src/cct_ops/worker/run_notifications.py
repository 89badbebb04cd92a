"""The worker's subscription at the ledger to notifications of new and resumed runs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from psycopg import sql
from pydantic import SecretStr

from cct_ops.ledger.engine import conninfo
from cct_ops.ledger.run_notifications import CHANNEL

_RETRY_SECONDS = (1.0, 5.0, 30.0)

_TAKE_SECONDS = 0.1  # what came is there at once

_FRESH = timedelta(seconds=10)

_log = logging.getLogger("prefect.worker.warm")

OnRun = Callable[[FlowRun], Awaitable[None]]


class RunNotifications:
    """Listens for runs of one work pool; without a ledger there are none, and polling is all."""

    def __init__(self, ledger: SecretStr | None, pool: str, client: PrefectClient) -> None:
        self._ledger = ledger
        self._pool = pool
        self._client = client

    async def listen(self, on_run: OnRun) -> None:
        """Call ``on_run`` for each run of the pool, for ever."""
        if self._ledger is None:
            return
        url = conninfo(self._ledger)
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as listener:
                    await listener.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
                    failures = 0
                    while True:
                        async for notice in listener.notifies(timeout=_TAKE_SECONDS):
                            await self._take_one(notice.payload, on_run)
                        await _readable(listener.fileno())
            except psycopg.Error as error:
                _log.warning("No notifications, only polling: %s", type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1

    async def _take_one(self, payload: str, on_run: OnRun) -> None:
        """Take one notification and survive any: it is a hint, and a poll finds the run too."""
        try:
            await self._hear(payload, on_run)
        except Exception:  # noqa: BLE001 -- it is logged, and the next one is taken
            _log.exception("A notification could not be followed: %.200s", payload)

    async def _hear(self, payload: str, on_run: OnRun) -> None:
        """Take one notification; it is believed only as far as it names a run of our pool."""
        try:
            content = json.loads(payload)
            if isinstance(content, dict) and set(content) == {"id"}:
                run = await self._client.read_flow_run(content["id"])
            else:
                run = FlowRun.model_validate(content)
        except (ValueError, RecursionError, ObjectNotFound, httpx.HTTPError) as error:
            _log.warning("A notification that cannot be read: %s", type(error).__name__)
            return
        if run.work_pool_name != self._pool:
            return
        if _is_old(run):
            # It may have ended long ago, or only the server's clock is another than ours.
            try:
                run = await self._client.read_flow_run(run.id)
            except (ObjectNotFound, httpx.HTTPError) as error:
                _log.warning(
                    "An old notification is left to the next poll: %s", type(error).__name__
                )
                return
        if _is_due(run):
            await on_run(run)


async def _readable(descriptor: int) -> None:
    """Wait until something has come; psycopg itself would look ten times a second."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(descriptor, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(descriptor)


def _is_old(run: FlowRun) -> bool:
    return run.state is not None and datetime.now(UTC) - run.state.timestamp > _FRESH


def _is_due(run: FlowRun) -> bool:
    """Return True if it waits to be started now."""
    state, now = run.state, datetime.now(UTC)
    if state is None or not state.is_scheduled():
        return False
    return run.next_scheduled_start_time is None or run.next_scheduled_start_time <= now
