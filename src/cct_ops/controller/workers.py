"""
Monitors the workers by their heartbeats in Prefect: a dead one cannot report itself.

A work pool for which nobody was ever heard is one that is set up without a worker. What a worker
left behind before our own start says nothing: a stack's worker comes up after its controller.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from cct_ops.clients.server import CONFIGURED, OURS, Server
from cct_ops.ledger.people import heartbeats, pages
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import UPKEEP
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import worker_command, worker_message
from cct_ops.reports.pages import silence_page

WORKERS_SECONDS = 30.0
WITHIN_SECONDS = 60.0
_MOST_DEPLOYMENTS = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerMonitor:
    """Monitors all work pools that our deployments use."""

    engine: sa.Engine
    notifier: Notifier
    within_seconds: float = WITHIN_SECONDS
    began: float = field(default_factory=time.monotonic)
    server: Server = CONFIGURED

    def __call__(self) -> None:
        """Record the heartbeats; notify people when a pool's workers fall silent or are back."""
        with self.server.connect() as client:
            now = self.server.now(client)  # by which workers are heard; the ledger has another
            crews = [crew for pool in _pools(client) if (crew := _crew(client, pool, now))]
        heartbeats.keep_workers(self.engine, [crew.part for crew in crews])
        border(self.engine, "workers").each(crews, lambda crew: crew.pool, self._note)

    def _note(self, crew: _Crew) -> None:
        heartbeats.record_heard(self.engine, crew.part, crew.silent_seconds)
        if time.monotonic() - self.began > self.within_seconds:
            self._report(crew)

    def _report(self, crew: _Crew) -> None:
        within = max(self.within_seconds, 2 * crew.pace_seconds)
        with heartbeats.changed(self.engine, crew.part, within) as change:
            if change is None:
                return
            message = worker_message(crew.pool, crew.kind, change.last_at, silent=change.silent)
            log.warning("%s", message[0])
            if change.silent:
                command = worker_command(crew.pool, crew.kind)
                subject, body = silence_page(f"work pool {crew.pool}", change.last_at, command)
                cause = pages.of_silence(crew.part, change.last_at)
                pages.ask(self.engine, cause, subject=subject, body=body)
            self.notifier.send(message)


class _Crew(NamedTuple):
    """The workers of one pool, of which one at least was heard once."""

    pool: str
    kind: str
    silent_seconds: float
    pace_seconds: float

    @property
    def part(self) -> str:
        return heartbeats.worker_of(self.pool)


def _pools(client: SyncPrefectClient) -> Iterator[WorkPool]:
    """Yield the pools of our deployments that have workers, and whose runs somebody waits for."""
    ours = client.read_deployments(deployment_filter=OURS, limit=_MOST_DEPLOYMENTS)
    used = {each.work_pool_name for each in ours if each.work_pool_name}
    # What puts things back goes on while its pool is paused, and needs a worker for it.
    needed = {each.work_pool_name for each in ours if UPKEEP in each.tags}
    for name in sorted(used):
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            continue
        rests = pool.is_paused and name not in needed
        if not (rests or pool.is_push_pool or pool.is_managed_pool):
            yield pool


def _crew(client: SyncPrefectClient, pool: WorkPool, now: datetime) -> _Crew | None:
    heard = [
        ((now - worker.last_heartbeat_time).total_seconds(), worker.heartbeat_interval_seconds or 0)
        for worker in client.read_workers_for_work_pool(pool.name)
        if worker.last_heartbeat_time is not None
    ]
    return _Crew(pool.name, pool.type, *min(heard)) if heard else None
