"""Prefect's server as the sweeps meet it: how it is reached, its time, its pauses."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
    temporary_settings,
)

from cct_ops.models.run import PLAYBOOK, UPKEEP, at_most

# A server says its time in whole seconds: what is less is no difference between clocks.
FINEST_SECONDS = 1.5
_CLOCK_SECONDS = 60.0
_STARTED = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)
OURS = DeploymentFilter(tags=DeploymentFilterTags(any_=[PLAYBOOK, UPKEEP]))
"""The deployments that are ours."""

_PAGE = 200


def _connect() -> AbstractContextManager[SyncPrefectClient]:
    return get_client(sync_client=True)


def seconds_ahead(client: SyncPrefectClient) -> float:
    """
    Return how far Prefect's clock is ahead of this machine's; 0 where it does not say.

    Raises what its client raises.
    """
    before = datetime.now(UTC)
    answer = client.request("GET", "/health")
    after = datetime.now(UTC)
    said = answer.headers.get("date")
    if said is None:
        return 0.0
    there = parsedate_to_datetime(said) + timedelta(seconds=0.5)
    ahead = (there - (before + (after - before) / 2)).total_seconds()
    return ahead if abs(ahead) > FINEST_SECONDS else 0.0


def _now(client: SyncPrefectClient) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds_ahead(client))


@dataclass(frozen=True)
class Server:
    """
    By default the one that Prefect's own settings name.

    ``now`` is that server's clock: the moments of its runs and states are by no other.
    """

    connect: Callable[[], AbstractContextManager[SyncPrefectClient]] = _connect
    now: Callable[[SyncPrefectClient], datetime] = _now


CONFIGURED = Server()


@contextmanager
def in_a_hurry(seconds: float) -> Iterator[None]:
    """Let clients that are made and used in the block ask once, and wait so long for an answer."""
    with temporary_settings(
        {
            PREFECT_API_REQUEST_TIMEOUT: seconds,
            PREFECT_CLIENT_MAX_RETRIES: 0,
            PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False,
        }
    ):
        yield


@contextmanager
def kept_open() -> Iterator[Server]:
    """
    Keep a client of the configured server for each thread that asks it again and again.

    To make one takes 20 ms, for its certificate authorities, and a request for a CSRF token, which
    is why it is kept. It is no other thread's, because a client has one such token: whoever gets a
    new one takes it from the others, and theirs are refused for a minute of retries. How far the
    server's clock is ahead is asked once a minute.
    """
    ahead, asked_at = 0.0, -math.inf

    def now(client: SyncPrefectClient) -> datetime:
        nonlocal ahead, asked_at
        if time.monotonic() - asked_at > _CLOCK_SECONDS:
            ahead, asked_at = seconds_ahead(client), time.monotonic()
        return datetime.now(UTC) + timedelta(seconds=ahead)

    own, opening = threading.local(), threading.Lock()

    def connect() -> AbstractContextManager[SyncPrefectClient]:
        if not hasattr(own, "client"):
            with opening:
                own.client = kept.enter_context(_connect())
        return nullcontext(own.client)

    with ExitStack() as kept:
        yield Server(connect=connect, now=now)


def find_run(client: SyncPrefectClient, run_id: UUID) -> FlowRun | None:
    """Read a run; None where Prefect has none of this id any more."""
    try:
        return client.read_flow_run(run_id)
    except ObjectNotFound:
        return None


def under_way(client: SyncPrefectClient) -> list[FlowRun]:
    """Return the runs of our deployments that some process should be working on."""
    return client.read_flow_runs(
        deployment_filter=OURS,
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_STARTED)))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
    )


def ended_since(
    client: SyncPrefectClient, since: datetime, but: Sequence[str] = ()
) -> Iterator[FlowRun]:
    """Yield the runs of our deployments that ended since then, but in states of these names."""
    wanted = FlowRunFilter(
        end_time=FlowRunFilterEndTime(after_=since),
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=list(_ENDED)),
            name=FlowRunFilterStateName(not_any_=list(but)),
        ),
    )
    found = _PAGE
    offset = 0
    while found == _PAGE:
        page = client.read_flow_runs(
            deployment_filter=OURS,
            flow_run_filter=wanted,
            sort=FlowRunSort.END_TIME_DESC,
            limit=_PAGE,
            offset=offset,
        )
        yield from page
        found = len(page)
        offset += found


def work_of(client: SyncPrefectClient, run_id: UUID) -> tuple[str, str] | None:
    """Return the playbook and the target of a run, empty where it has none; None of no run."""
    run = find_run(client, run_id)
    if run is None or run.deployment_id is None:
        return None
    deployment = client.read_deployment(run.deployment_id)
    return deployment.name, str(run.parameters.get("target") or "")


def rests(part: WorkPool | WorkQueue | DeploymentResponse) -> str | None:
    """Return the note that is shown beside its name while it starts nothing; None otherwise."""
    limits: tuple[int | None, ...]
    if isinstance(part, DeploymentResponse):
        own = part.global_concurrency_limit
        paused, limits = part.paused, (at_most(part.tags), own.limit if own else None)
    else:
        paused, limits = part.is_paused, (part.concurrency_limit,)
    if paused:
        return ""
    return " (limit 0)" if 0 in limits else None
