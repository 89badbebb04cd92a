"""Prefect forgets runs that have been over for long; the ledger does not."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    Settings as PrefectSettings,
    temporary_settings,
)
from prefect.states import Completed, Paused

from cct_ops.settings import Settings
from cct_ops.stack.postgres import EmbeddedPostgres
from cct_ops.stack.prefect_server import retention
from tests.ledger.released import psycopg_url

ENOUGH_SECONDS = 60.0


@flow
def forgotten() -> None:
    """Do nothing."""


def test_prefect_keeps_things_for_as_long_as_our_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CCT_OPS_KEEP_RUNS_DAYS", "30")
    monkeypatch.setenv("CCT_OPS_KEEP_EVENTS_DAYS", "2")
    for name, value in retention(Settings.load()).items():
        monkeypatch.setenv(name, value)

    server = PrefectSettings().server

    assert server.services.db_vacuum.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert server.services.db_vacuum.retention_period == timedelta(days=30)
    assert server.events.retention_period == timedelta(days=2)


def test_a_run_that_was_over_long_ago_goes_and_one_that_waits_stays(
    prefect_api_url: str, postgres: EmbeddedPostgres
) -> None:
    """The server of the tests looks each few seconds, and keeps runs as long as ours does."""
    states: tuple[State[Any], ...] = (Completed(), Completed(), Paused())
    server = {PREFECT_API_URL: prefect_api_url, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
    with temporary_settings(server), get_client(sync_client=True) as client:
        old, young, waiting = (
            client.create_flow_run(forgotten, state=state).id for state in states
        )
        with psycopg.connect(psycopg_url(postgres.url("prefect"))) as connection:
            connection.execute(
                "update flow_run set end_time = now() - interval '91 days' where id = any(%s)",
                ([old, waiting],),
            )
        there = FlowRunFilter(id=FlowRunFilterId(any_=[old, young, waiting]))
        until = time.monotonic() + ENOUGH_SECONDS
        while len(left := client.read_flow_runs(flow_run_filter=there)) == len(states):
            assert time.monotonic() < until, "it is still there"
            time.sleep(0.2)
        assert {each.id for each in left} == {young, waiting}
