"""A worker begins no run of the drained installation, whichever way it hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.gate import drains
from cct_ops.stack.postgres import free_port
from cct_ops.worker.drain import DRAINED, UNKNOWN, Drain
from tests.plain import HTTP
from tests.stack.polling import eventually
from tests.worker.running import Pool


@pytest.fixture
def upkeep(own_pool: Pool) -> Iterator[str]:
    """Deploys what puts things back, and takes it away: others look for the workers of all."""
    made = own_pool.deploy("restore", tags=["upkeep"])
    yield made
    HTTP.delete(f"{own_pool.api_url}/deployments/{made}")


def test_a_drain_lets_a_run_end_and_none_begin_and_a_worker_that_starts_anew_heeds_it(
    own_pool: Pool, engine: sa.Engine, ledger_url: SecretStr, upkeep: str, tmp_path: Path
) -> None:
    """Polled or notified, and what puts things back begins all the same."""
    ledger = ledger_url.get_secret_value()
    holding, ping = own_pool.deploy("hold"), own_pool.deploy("ping")
    with own_pool.worker(CCT_OPS_DATABASE_URL=ledger):
        begun = own_pool.create(holding, folder=str(tmp_path))
        eventually((tmp_path / "pid").exists)
        drains.begin(engine, "a new worker", "ada")
        polled = own_pool.create(ping)
        heard = own_pool.ask("POST", f"/deployments/{ping}/create_flow_run", {})
        notified(ledger, heard)
        assert own_pool.ended(own_pool.create(upkeep))["type"] == "COMPLETED"
        assert states(own_pool, polled, heard["id"]) == ["SCHEDULED"] * 2
        (tmp_path / "go").touch()
        assert own_pool.ended(begun)["type"] == "COMPLETED"

    with own_pool.worker(CCT_OPS_DATABASE_URL=ledger) as worker:
        assert own_pool.ended(own_pool.create(upkeep))["type"] == "COMPLETED"
        assert states(own_pool, polled, heard["id"]) == ["SCHEDULED"] * 2
        assert f"waits: {DRAINED}" in worker.said()
        drains.end(engine, "it is there", "ada")
        for run in (polled, heard["id"]):
            assert own_pool.ended(run)["type"] == "COMPLETED"


def test_a_ledger_that_does_not_answer_lets_nothing_begin() -> None:
    """A drain that nobody can read may stand."""
    nowhere = SecretStr(f"postgresql+psycopg://a:b@127.0.0.1:{free_port()}/ledger")

    async def why() -> str | None:
        async with Drain(nowhere) as drain:
            return await drain.why()

    assert asyncio.run(why()) == UNKNOWN


def test_a_connection_that_was_cut_is_made_anew(engine: sa.Engine, ledger_url: SecretStr) -> None:
    cut = sa.text(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )

    async def why() -> tuple[str | None, str | None]:
        async with Drain(ledger_url) as drain:
            before = await drain.why()
            with engine.begin() as tx:
                tx.execute(cut)
            drains.begin(engine, "meanwhile", "ada")
            return before, await drain.why()

    assert asyncio.run(why()) == (None, DRAINED)


def notified(url: str, run: object) -> None:
    """Tell the workers of a run."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as ledger:
        ledger.execute("select pg_notify('flow_runs', %s)", (json.dumps(run),))


def states(pool: Pool, *runs: str) -> list[str]:
    """Return where these runs stand."""
    return [pool.run(run)["state"]["type"] for run in runs]
