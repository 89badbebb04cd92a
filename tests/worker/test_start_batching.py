"""The first request of a run's process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus, StateWaitDetails
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running, Scheduled

from cct_ops.worker.start_batching import StartBatching

REPLACED = ("update_flow_run", "set_flow_run_name", "set_flow_run_state", "read_flow_run")


@flow
def anything() -> None:
    """Do nothing."""


def test_a_server_that_takes_a_due_run_for_early_is_asked_again_soon(
    prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of several whose clock is behind: else a revert would come so much later."""
    for name in REPLACED:
        monkeypatch.setattr(SyncPrefectClient, name, getattr(SyncPrefectClient, name))
    later = datetime.now(UTC) + timedelta(hours=1)

    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
    ):
        run = client.create_flow_run(anything, state=Scheduled(scheduled_time=later))
        client.set_flow_run_state(run.id, Pending())
        known = client.read_flow_run(run.id)
        StartBatching(known, claimed=lambda: None, began=lambda: None).install()
        answer: OrchestrationResult[object] = client.set_flow_run_state(run.id, Running())

    assert answer.status is SetStateStatus.WAIT
    assert isinstance(answer.details, StateWaitDetails)
    assert 0 < answer.details.delay_seconds <= 5
