"""Runs that a schedule or Prefect's form made get a name for people while they wait."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from cct_ops.clients.server import CONFIGURED, OURS, Server
from cct_ops.models.run import RECOVERS, TAKES_BACK, name_of

EVERY_SECONDS = 60
# One that was made just now may begin at any moment, and then its flow names it.
_FRESH = timedelta(seconds=10)
# Prefect makes the runs of a schedule some days ahead; these are the next ones.
_NEXT = 200
_WAITING = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
)


def give(server: Server = CONFIGURED) -> int:
    """Name the runs to come by playbook, target and moment; returns how many had no such name."""
    with server.connect() as client:
        waiting = client.read_flow_runs(
            deployment_filter=OURS,
            flow_run_filter=_WAITING,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=_NEXT,
        )
        playbooks: dict[UUID, str] = {}
        named, now = 0, server.now(client)
        for run in waiting:
            if run.state is None or now - run.state.timestamp < _FRESH:
                continue
            playbook = _playbook(client, run, playbooks)
            if playbook is not None and not run.name.startswith((playbook, TAKES_BACK, RECOVERS)):
                client.set_flow_run_name(run.id, _name(playbook, run))
                named += 1
    return named


def _playbook(client: SyncPrefectClient, run: FlowRun, known: dict[UUID, str]) -> str | None:
    if run.deployment_id is None:
        return None
    if run.deployment_id not in known:
        known[run.deployment_id] = client.read_deployment(run.deployment_id).name
    return known[run.deployment_id]


def _name(playbook: str, run: FlowRun) -> str:
    name = name_of(playbook, run.parameters)
    at = run.expected_start_time
    return name if at is None else f"{name}, due {at:%a %d %b %H:%M} UTC"
