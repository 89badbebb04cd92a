"""The long history that is pruned under load is made of real rows; here it is a short one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, LogCreate
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)
from prefect.states import Completed, Running
from prefect.types._datetime import now
from pydantic import SecretStr

from cct_ops.ledger.intake import retention
from cct_ops.ledger.intake.tables import alerts, deliveries, dispatches, incidents
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.retention.__main__ import report
from evaluation.retention.history import EVENTS, RUN, copy_run, fill_ledger, rows_of
from evaluation.retention.pruning import One, Pruned, keep, made
from evaluation.soak.load import Tally
from tests.ledger.released import psycopg_url
from tests.stack.polling import eventually

COPIES = 25


@flow
def copied() -> None:
    """Do nothing."""


@pytest.fixture
def prefect(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The database of the real server."""
    with psycopg.connect(psycopg_url(postgres.url("prefect")), autocommit=True) as connection:
        yield connection


@pytest.fixture
def client(prefect_api_url: str) -> Iterator[SyncPrefectClient]:
    """A client of that server, which deletes old runs each few seconds."""
    server = {PREFECT_API_URL: prefect_api_url, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
    with temporary_settings(server), get_client(sync_client=True) as client:
        yield client


def a_run(client: SyncPrefectClient) -> UUID:
    """Let a run have ended, with a log and an artifact."""
    run = client.create_flow_run(copied, state=Running())
    client.set_flow_run_state(run.id, Completed())
    said = LogCreate(name="x", level=20, message="x", timestamp=now(), flow_run_id=run.id)
    client.create_logs([said])
    client.create_artifact(ArtifactCreate(type="markdown", data="x", flow_run_id=run.id))
    return run.id


def test_the_copies_of_a_run_are_as_many_rows_as_it_and_all_go_when_they_are_old(
    prefect: psycopg.Connection, client: SyncPrefectClient
) -> None:
    run = a_run(client)
    one = rows_of(prefect, run)

    copy_run(prefect, run, COPIES, with_events=COPIES, days_ago=1)

    assert one == dict.fromkeys(RUN | EVENTS, 0) | {
        "flow_run": 1,
        "flow_run_state": 2,
        "log": 1,
        "artifact": 1,
    }
    mine = "select id from flow_run where flow_id = (select flow_id from flow_run where id = %s)"
    runs = [str(each) for (each,) in prefect.execute(mine, (run,)).fetchall()]
    assert len(runs) == COPIES + 1
    assert all(rows_of(prefect, UUID(each)) == one for each in runs)
    aged = "update flow_run set end_time = end_time - interval '91 days' where id = any(%s)"
    prefect.execute(aged, (runs,))
    everything = [UUID(each) for each in runs]
    eventually(
        lambda: not any(any(rows_of(prefect, each).values()) for each in everything), seconds=60
    )


def test_as_many_old_deliveries_lose_their_bodies_and_nothing_else(
    engine: sa.Engine, ledger_url: SecretStr
) -> None:
    url = psycopg_url(ledger_url.get_secret_value())
    with psycopg.connect(url, autocommit=True) as connection:
        fill_ledger(connection, COPIES)

    assert retention.delete_old_bodies(engine, keep_days=90) == COPIES
    with engine.connect() as connection:
        for table in (deliveries, incidents, alerts, dispatches):
            counted = sa.select(sa.func.count()).select_from(table)
            assert connection.execute(counted).scalar_one() == COPIES
        bodies = sa.select(sa.func.count(deliveries.c.body))
        assert connection.execute(bodies).scalar_one() == 0


def test_a_history_that_is_kept_is_found_again(tmp_path: Path) -> None:
    one = One(incident=uuid4(), run=uuid4(), alert="{}")

    assert made(tmp_path) is None
    keep(tmp_path, one)
    assert made(tmp_path) == one


def test_whatever_is_missed_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(sent=20, accepted=20, seconds=[0.01] * 20)
    account = {"incident": {"id": str(uuid4())}}
    good = Pruned(account, account, {"runs": 1}, [], tally, tally, 0, 1, {"log": (2, 1)})
    slow = replace(tally, seconds=[0.6] * 20)

    assert report(good) == 0
    for bad, words in (
        (replace(good, lost=1), "alerts were lost"),
        (replace(good, pruning=slow), "the gateway was slow"),
        (replace(good, after={}), "the account is another one"),
        (replace(good, runs=2), "the alert of a deleted run began another one"),
        (replace(good, left=["logs"]), "logs are still there"),
    ):
        assert report(bad) == 1
        assert f"missed: {words}" in capsys.readouterr().out
