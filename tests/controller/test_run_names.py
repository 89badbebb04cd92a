"""No run waits for its time under a name that Prefect made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from cct_ops.clients.server import Server
from cct_ops.controller import run_names
from cct_ops.models.run import PLAYBOOK
from tests.controller.running import Playbook

DUE = datetime(2031, 11, 24, 6, 15, tzinfo=UTC)

LATER = Server(now=lambda client: datetime.now(UTC) + timedelta(minutes=1))  # noqa: ARG005


@pytest.fixture
def client(prefect_api_url: str) -> Iterator[SyncPrefectClient]:
    """A client of the server, which is also the one that is set."""
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
    ):
        yield client


def waiting(client: SyncPrefectClient, playbook: Playbook, name: str | None) -> str:
    """Make a run that waits, let the waiting be named, and return its name."""
    deployment_id = playbook.deploy(tags=[PLAYBOOK])
    run = client.create_flow_run_from_deployment(
        deployment_id,
        parameters={"target": "/daily-summary"},
        state=Scheduled(scheduled_time=DUE),
        name=name,
    )
    run_names.give(LATER)
    found: str = client.read_flow_run(run.id).name
    return found


def test_a_run_to_come_is_named_by_what_it_does_on_what_and_when(
    client: SyncPrefectClient, playbook: Playbook
) -> None:
    assert waiting(client, playbook, None) == (
        f"{playbook.name} /daily-summary, due Mon 24 Nov 06:15 UTC"
    )


def test_a_name_that_says_what_the_run_is_for_stays(
    client: SyncPrefectClient, playbook: Playbook
) -> None:
    for given in (f"{playbook.name} {uuid4()}", "Takes back: auto-rollback off, due 18:30 UTC"):
        assert waiting(client, playbook, given) == given


def test_what_was_made_just_now_is_left_to_its_flow(
    client: SyncPrefectClient, playbook: Playbook
) -> None:
    deployment_id = playbook.deploy(tags=[PLAYBOOK])
    run = client.create_flow_run_from_deployment(
        deployment_id, parameters={"target": "/daily-summary"}, name="strange-baboon"
    )

    run_names.give()

    assert client.read_flow_run(run.id).name == "strange-baboon"
