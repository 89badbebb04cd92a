"""
Monitors Prefect's pauses: people are notified once when runs wait, and once when they go on.

Runs are made for alerts as ever and wait in Prefect, where its UI shows them; that nothing starts
is the worker's business (``cct_ops.worker.start_rules``), which no pause keeps from taking changes
back. A limit of 0 is a pause as well. A pause for which nothing waits is not reported.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from cct_ops.clients.server import CONFIGURED, Server, rests
from cct_ops.ledger.people import pauses
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import PLAYBOOK
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import Message
from cct_ops.reports.pauses import goes_on_message, paused_message

PAUSES_SECONDS = 10.0
_MOST_DEPLOYMENTS = 200
_PLAYBOOKS = DeploymentFilter(tags=DeploymentFilterTags(any_=[PLAYBOOK]))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PauseMonitor:
    """Monitors everything that can be paused."""

    engine: sa.Engine
    notifier: Notifier
    server: Server = CONFIGURED

    def __call__(self) -> None:
        """Notify people of each pause that holds something, and of its end."""
        notified = set(pauses.notified(self.engine))
        with self.server.connect() as client:
            due = _due(client, self.server.now(client))
            # What is paused is asked only if it matters: it takes the server long to say.
            held = _held(client, due) if due or notified else {}
        by_part = border(self.engine, "pauses")
        by_part.each(held.items(), lambda item: item[0], lambda item: self._begins(*item))
        for part in notified - held.keys():
            by_part.attempt(part, partial(self._ends, part))

    def _begins(self, part: str, waiting: list[str]) -> None:
        if waiting:
            with pauses.beginning(self.engine, part) as first:
                if first:
                    self._say(paused_message(part, waiting))

    def _ends(self, part: str) -> None:
        with pauses.ending(self.engine, part) as last:
            if last:
                self._say(goes_on_message(part))

    def _say(self, message: Message) -> None:
        log.warning("%s", message[0])
        self.notifier.send(message)


def _held(client: SyncPrefectClient, due: list[FlowRun]) -> dict[str, list[str]]:
    """Return all that is paused, and what waits for it; a run waits for one thing at a time."""
    ours = client.read_deployments(deployment_filter=_PLAYBOOKS, limit=_MOST_DEPLOYMENTS)
    paused = _paused(client, ours)
    held: dict[str, list[str]] = {part: [] for part in paused.values()}
    if paused:
        names = {each.id: each.name for each in ours}
        for run in due:
            places = (
                ("pool", run.work_pool_name),
                ("queue", f"{run.work_pool_name}/{run.work_queue_name}"),
                ("deployment", str(run.deployment_id)),
            )
            part = next((paused[place] for place in places if place in paused), None)
            if part is not None and run.deployment_id in names:
                target = run.parameters.get("target")
                about = f" on {target}" if target else ""
                held[part].append(f"{names[run.deployment_id]}{about}")
    return held


def _paused(
    client: SyncPrefectClient, ours: list[DeploymentResponse]
) -> dict[tuple[str, str | None], str]:
    """Return what is paused, as it is known and as people call it."""
    found: dict[tuple[str, str | None], str] = {
        ("deployment", str(each.id)): f"deployment {each.name}{how}"
        for each in ours
        if (how := rests(each)) is not None
    }
    queues = {(each.work_pool_name, each.work_queue_name) for each in ours}
    for pool in sorted({each.work_pool_name for each in ours if each.work_pool_name}):
        try:
            known, its_queues = client.read_work_pool(pool), client.read_work_queues(pool)
        except ObjectNotFound:
            continue
        if (how := rests(known)) is not None:
            found["pool", pool] = f"work pool {pool}{how}"
        found |= {
            ("queue", f"{pool}/{queue.name}"): f"work queue {queue.name} of the pool {pool}{how}"
            for queue in its_queues
            if (how := rests(queue)) is not None and (pool, queue.name) in queues
        }
    return found


def _due(client: SyncPrefectClient, now: datetime) -> list[FlowRun]:
    """Return the runs of playbooks that should have begun, by their server's clock."""
    found = client.read_flow_runs(
        deployment_filter=_PLAYBOOKS,
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=now),
        ),
    )
    return [run for run in found if run.empirical_policy.retry_type != "in_process"]
