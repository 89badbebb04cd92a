"""Prefect's pauses and limits hold on every way in; upkeep goes on whatever is paused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from cct_ops.stack.postgres import EmbeddedPostgres
from cct_ops.worker.deployment_cache import DeploymentCache
from cct_ops.worker.drain import Drain
from cct_ops.worker.start_rules import StartRules
from tests.plain import HTTP
from tests.stack.polling import eventually
from tests.worker.running import Pool, Worker, notify

Pause = Callable[[Pool, str, bool], None]
Restoring = Callable[[Pool], str]


def pool_paused(pool: Pool, deployment: str, paused: bool) -> None:
    pool.change(f"/work_pools/{pool.name}", is_paused=paused)


def queue_paused(pool: Pool, deployment: str, paused: bool) -> None:
    pool.change(f"/work_pools/{pool.name}/queues/default", is_paused=paused)


def deployment_paused(pool: Pool, deployment: str, paused: bool) -> None:
    pool.change(f"/deployments/{deployment}", paused=paused)


@pytest.fixture
def restoring(prefect_api_url: str) -> Iterator[Restoring]:
    """Deploys upkeep, and takes it away: others look for the workers of all upkeep there is."""
    with ExitStack() as stack:

        def deploy(pool: Pool) -> str:
            made = pool.deploy("restore", tags=["upkeep"])
            url = f"{prefect_api_url}/deployments/{made}"
            stack.callback(lambda: HTTP.delete(url))
            return made

        yield deploy


PAUSES = pytest.mark.parametrize("pause", [pool_paused, queue_paused, deployment_paused])


@PAUSES
def test_while_anything_is_paused_no_poll_starts_a_run(
    pause: Pause, pool: Pool, worker: Worker, restoring: Restoring
) -> None:
    """It waits as it was made, a free run starts meanwhile, and it starts when all goes on."""
    held = pool.deploy("ping")
    pause(pool, held, True)
    try:
        run = made(pool, held)
        # The worker has looked at least twice once a run of upkeep, made later, has ended.
        upkeep = restoring(pool)
        for _ in range(2):
            assert pool.ended(pool.create(upkeep))["type"] == "COMPLETED"
        states = pool.ask("GET", f"/flow_run_states/?flow_run_id={run['id']}")
        assert {each["type"] for each in states} == {"SCHEDULED"}
    finally:
        pause(pool, held, False)

    assert pool.ended(run["id"])["type"] == "COMPLETED"


@PAUSES
def test_a_notification_starts_nothing_that_is_paused(
    pause: Pause, notified: Pool, postgres: EmbeddedPostgres, restoring: Restoring
) -> None:
    held = notified.deploy("ping")
    upkeep = restoring(notified)
    pause(notified, held, True)
    try:
        runs = [made(notified, held) for _ in range(2)]
        notify(postgres, json.dumps(runs[0]), json.dumps({"id": runs[1]["id"]}))
        last = made(notified, upkeep)
        notify(postgres, json.dumps(last))  # notifications are taken in their order
        assert notified.ended(last["id"])["type"] == "COMPLETED"
        assert [notified.run(run["id"])["state"]["type"] for run in runs] == ["SCHEDULED"] * 2
    finally:
        pause(notified, held, False)
    fresh = made(notified, held)
    notify(postgres, json.dumps(fresh))
    assert notified.ended(fresh["id"])["type"] == "COMPLETED"


def test_a_run_that_was_resumed_waits_while_its_pool_is_paused(
    notified: Pool, postgres: EmbeddedPostgres, tmp_path: Path, restoring: Restoring
) -> None:
    deployment = notified.deploy("hold")
    upkeep = restoring(notified)
    run = made(notified, deployment, folder=str(tmp_path))
    notified.suspend(run["id"])
    pool_paused(notified, deployment, True)
    try:
        notified.ask("POST", f"/flow_runs/{run['id']}/resume", {})
        notify(postgres, json.dumps({"id": run["id"]}))
        last = made(notified, upkeep)
        notify(postgres, json.dumps(last))
        assert notified.ended(last["id"])["type"] == "COMPLETED"
        assert notified.run(run["id"])["state"]["type"] == "SCHEDULED"
    finally:
        pool_paused(notified, deployment, False)
    notified.ask(
        "POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLED"}, "force": True}
    )


def test_upkeep_that_was_scheduled_before_the_pause_starts_on_time(
    own_pool: Pool, tmp_path: Path, restoring: Restoring
) -> None:
    """In the queue that is paused too; and it waits for its time."""
    deployment = restoring(own_pool)
    due = datetime.now(UTC) + timedelta(seconds=1)
    run = made(own_pool, deployment, at=due)
    later = made(own_pool, deployment, at=due + timedelta(hours=1))
    for pause in (pool_paused, queue_paused, deployment_paused):
        pause(own_pool, deployment, True)

    with own_pool.worker():
        assert own_pool.ended(run["id"])["type"] == "COMPLETED"
        began = datetime.fromisoformat(own_pool.run(run["id"])["start_time"])

    assert began >= due
    assert own_pool.run(later["id"])["state"]["type"] == "SCHEDULED"


@pytest.fixture
def limited(pool: Pool) -> Iterator[Callable[[str], None]]:
    """Lets one run at once in the pool, or in its queue, until the test is over."""
    pool_itself = f"/work_pools/{pool.name}"
    places = {"pool": pool_itself, "queue": f"{pool_itself}/queues/default"}
    yield lambda place: pool.change(places[place], concurrency_limit=1)
    for path in places.values():
        pool.change(path, concurrency_limit=None)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("place", ["pool", "queue", "deployment"])
def test_never_more_run_at_once_than_a_limit_says_whichever_way_they_come(
    place: str,
    pool: Pool,
    limited: Callable[[str], None],
    postgres: EmbeddedPostgres,
    tmp_path: Path,
) -> None:
    deployment = pool.deploy("stay", tags=["at most 1 at once"] * (place == "deployment"))
    if place != "deployment":
        limited(place)

    runs = [made(pool, deployment, folder=str(tmp_path)) for _ in range(4)]
    notify(postgres, *(json.dumps(run) for run in runs))
    for run in runs:
        assert pool.ended(run["id"])["type"] == "COMPLETED"

    stays = sorted(
        tuple(map(float, path.read_text().split())) for path in tmp_path.glob("*.stayed")
    )
    assert len(stays) == len(runs)
    assert all(one[1] <= next_[0] for one, next_ in pairwise(stays))


@pytest.mark.usefixtures("worker")
def test_upkeep_does_not_wait_for_a_place_below_the_limit(
    pool: Pool, limited: Callable[[str], None], tmp_path: Path, restoring: Restoring
) -> None:
    limited("pool")
    long = pool.create(pool.deploy("hold"), folder=str(tmp_path))
    eventually((tmp_path / "pid").exists)

    upkeep = pool.create(restoring(pool))
    assert pool.ended(upkeep)["type"] == "COMPLETED"
    assert pool.run(long)["state"]["type"] == "RUNNING"
    (tmp_path / "go").touch()
    pool.ended(long)


@pytest.mark.usefixtures("worker")
def test_a_tag_that_is_no_limit_stops_neither_its_run_nor_the_others(pool: Pool) -> None:
    """Anybody may write a tag, and thousands of digits are no number to Python."""
    odd = pool.deploy("stay", tags=["at most " + "9" * 5000 + " at once"])
    runs = [pool.create(odd, folder=str(pool.project)), pool.create(pool.deploy("ping"))]

    for run in runs:
        assert pool.ended(run)["type"] == "COMPLETED"


def test_a_run_that_cannot_be_judged_holds_up_no_other() -> None:
    odd, good, fine = (FlowRun(id=uuid4(), flow_id=uuid4(), name=name) for name in "ogf")
    rules = Odd(odd.id)

    for _ in range(2):
        assert asyncio.run(rules.allowed([good, odd, fine])) == [good, fine]
        rules.settled(good.id)
        rules.settled(fine.id)


class Odd(StartRules):
    """Rules that fail at one run in a way nobody foresaw."""

    def __init__(self, odd: UUID) -> None:
        super().__init__(
            cast("PrefectClient", None), "a pool", cast("DeploymentCache", None), Drain(None)
        )
        self._odd = odd

    async def _ask(self, runs: Sequence[FlowRun], since: float) -> Any:  # noqa: ARG002
        if any(run.id == self._odd for run in runs):
            raise ValueError("odd")
        return Nothing()

    async def _count(self, facts: object, runs: Sequence[FlowRun]) -> None:
        pass


class Nothing:
    """Nothing is paused or limited."""

    def paused(self, *runs: object) -> None:
        """Hold no run."""

    full = paused


def made(
    pool: Pool, deployment: str, at: datetime | None = None, **parameters: object
) -> dict[str, Any]:
    """Make a run, for that time or at once; returns it as Prefect's server shows it."""
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}} if at else {}
    content = {"parameters": parameters} | ({"state": state} if at else {})
    return dict(pool.ask("POST", f"/deployments/{deployment}/create_flow_run", content))
