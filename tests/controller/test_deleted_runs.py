"""A run that is gone from Prefect frees nothing and takes nothing along: the ledger has it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)
from prefect.states import Completed

from cct_ops.clients.server import find_run
from cct_ops.ledger.gate import locks, permits
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome, Run
from cct_ops.models.verification import Verdict, Verification
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.commands.conftest import Typed, on_ledger, typed
from tests.controller.running import Playbook, dispatch, dispatching, routes_to, state
from tests.ledger.alerts import firing, opened
from tests.ledger.history import TARGET, permitted, plan
from tests.ledger.released import psycopg_url
from tests.stack.polling import eventually

__all__ = ["on_ledger", "typed"]

SOURCE, BODY = "alertmanager", b"as it came first"
ALERT = firing(alertname="CanaryRolledBack", route=TARGET)
Delete = Callable[[UUID], object]


@pytest.fixture
def client(prefect_api_url: str) -> Iterator[SyncPrefectClient]:
    """A client of the real server, which commands ask as well."""
    server = {PREFECT_API_URL: prefect_api_url, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
    with temporary_settings(server), get_client(sync_client=True) as client:
        yield client


@pytest.fixture(params=["a person", "its vacuum"])
def delete(
    request: pytest.FixtureRequest, client: SyncPrefectClient, postgres: EmbeddedPostgres
) -> Delete:
    """Let a run be deleted, through the API or by Prefect itself for its age."""

    def grow_old(run_id: UUID) -> None:
        with psycopg.connect(psycopg_url(postgres.url("prefect"))) as connection:
            connection.execute(
                "update flow_run set end_time = now() - interval '91 days' where id = %s", (run_id,)
            )
        eventually(lambda: find_run(client, run_id) is None, seconds=60)

    return client.delete_flow_run if request.param == "a person" else grow_old


def repaired(engine: sa.Engine, run: Run) -> None:
    """Let the run have changed its target, and have verified that this helped."""
    permit = permitted(engine, run, plan(playbook=run.playbook))
    permits.close(engine, permit)
    locks.release(engine, TARGET, permit.fencing_token)
    found = Verification(verdict=Verdict.HOLDS, reason="it serves")
    account.record_verification(engine, run.id, found)
    account.record_outcome(engine, run, TARGET, Outcome.RESOLVED, "as it went")


def test_the_same_alert_starts_nothing_and_the_account_is_whole(
    engine: sa.Engine, playbook: Playbook, client: SyncPrefectClient, delete: Delete, typed: Typed
) -> None:
    """Neither a copy of what came nor the sender's next repetition has another run."""
    playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        (incident,) = deliveries.record(engine, SOURCE, BODY, [ALERT]).incidents
        eventually(lambda: state(engine, incident) == "sent")
        sent = dispatch(engine, incident)
        assert sent is not None
        run = Run(id=sent.flow_run_id, name="a run", playbook=playbook.name, incident_id=incident)
        repaired(engine, run)
        client.set_flow_run_state(run.id, Completed(name="Resolved"), force=True)
        before = [typed(["incident", str(incident)]), typed(["why", str(incident)])]
        assert "Resolved; in Prefect: Resolved" in before[0]

        delete(run.id)

        assert find_run(client, run.id) is None
        told = [typed(["incident", str(incident)]), typed(["why", str(incident)])]
        assert told == [text.replace("; in Prefect: Resolved", "") for text in before]
        assert typed(["incident", str(run.id)]) == told[0]
        copy = deliveries.record(engine, SOURCE, BODY, [ALERT])
        repetition = deliveries.record(engine, SOURCE, b"as it comes every hour", [ALERT])
        later = opened(engine)
        eventually(lambda: state(engine, later) == "sent")

    other = dispatch(engine, later)
    assert other is not None
    assert [each["id"] for each in playbook.runs()] == [str(other.flow_run_id)]
    assert dispatch(engine, incident) == sent
    assert (list(copy.incidents), list(repetition.incidents)) == ([incident], [incident])
