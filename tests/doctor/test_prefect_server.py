"""What the doctor says of a real Prefect server: what is missing, what rests, what runs hang on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.postgres import free_port
from tests.doctor.conftest import POOL, Doctor


@flow(name="doctored")
def doctored() -> None:
    """A flow to deploy."""


@contextmanager
def deployed(client: SyncPrefectClient) -> Iterator[UUID]:
    """Make the deployment of the project and its work pool, and take them away in the end."""
    client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    flow_id = client.create_flow_from_name("doctored")
    deployment = client.create_deployment(flow_id, "doctored", work_pool_name=POOL)
    try:
        yield deployment
    finally:
        client.delete_work_pool(POOL)
        client.delete_deployment(deployment)


def test_prefect_with_its_deployments_and_a_worker(doctor: Doctor, prefect_api_url: str) -> None:
    code, lines = doctor(prefect_api_url=prefect_api_url)
    assert code == 1
    assert lines["prefect"].startswith("✓ ")
    assert "not there: doctored" in lines["deployments"]
    assert f"no work pool {POOL}" in lines["worker"]

    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client),
    ):
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert code == 1
        assert lines["deployments"].startswith("✓ ")
        assert f"nobody works for the work pool {POOL}" in lines["worker"]

        client.send_worker_heartbeat(POOL, "a-worker", heartbeat_interval_seconds=30)
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert code == 0
        assert f"a-worker works for the work pool {POOL}" in lines["worker"]
        assert "pauses" not in lines
        assert "limits" not in lines


def test_whatever_is_paused_in_prefect_is_named(doctor: Doctor, prefect_api_url: str) -> None:
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client) as deployment,
    ):
        client.send_worker_heartbeat(POOL, "a-worker", heartbeat_interval_seconds=30)
        client.update_deployment(deployment, DeploymentUpdate(paused=True))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert (code, lines["pauses"][0]) == (0, "!")
        assert "the deployment doctored" in lines["pauses"]

        (queue,) = client.read_work_queues(POOL)
        client.update_work_queue(queue.id, is_paused=True)
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert (code, lines["pauses"][0]) == (1, "✗")
        assert f"the work queue default of {POOL}, the deployment doctored" in lines["pauses"]

        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert f"the work pool {POOL}" in lines["pauses"]
        assert "a-worker works" in lines["worker"], "reverts go on, and need it"

        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False, concurrency_limit=0))
        code, lines = doctor(prefect_api_url=prefect_api_url)
        assert f"the work pool {POOL} (limit 0)" in lines["pauses"]


def test_what_a_runs_life_hangs_on_at_prefects_server_is_shown(
    doctor: Doctor, prefect_api_url: str
) -> None:
    """Leases in memory, and a concurrency limit that is held by one."""
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
        deployed(client) as deployment,
    ):
        client.update_deployment(deployment, DeploymentUpdate(concurrency_limit=3))
        _, lines = doctor(prefect_api_url=prefect_api_url)

    assert "concurrency limit of Prefect's: doctored" in lines["limits"]
    assert "leases of its concurrency limits in memory" in lines["leases"]
    assert "lease_storage.filesystem" in lines["leases"]


def test_a_prefect_that_is_away_or_something_else_is_broken(
    doctor: Doctor, sandbox: SandboxControl
) -> None:
    code, lines = doctor(prefect_api_url=f"http://127.0.0.1:{free_port()}/api")
    assert (code, "No answer from Prefect" in lines["prefect"]) == (1, True)

    code, lines = doctor(prefect_api_url=f"{sandbox.base_url}/api")
    assert (code, lines["prefect"][0]) == (1, "✗")
