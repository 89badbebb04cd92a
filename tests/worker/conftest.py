"""
One warm worker for the tests of a file that leave it as it was, and pools for those that do not.

None outlives its file: each of its polls, two in a second, costs the server 60 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cct_ops.stack.postgres import EmbeddedPostgres
from tests.worker.running import FLOWS, Pool, Worker


@pytest.fixture(scope="module")
def pool(prefect_api_url: str, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """The pool of the shared worker."""
    return _pool(prefect_api_url, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def worker(pool: Pool, postgres: EmbeddedPostgres) -> Iterator[Worker]:
    """A worker that every test leaves able to work; it polls, and is notified."""
    with pool.worker("--limit", "3", CCT_OPS_DATABASE_URL=postgres.url("postgres")) as worker:
        yield worker


@pytest.fixture
def own_pool(prefect_api_url: str, tmp_path: Path) -> Pool:
    """A pool without a worker."""
    return _pool(prefect_api_url, tmp_path)


def _pool(api_url: str, project: Path) -> Pool:
    (project / "flows").mkdir()
    (project / "prefect.yaml").write_text("name: checkout\n")
    pool = Pool(api_url, f"pool-{uuid4().hex[:8]}", project)
    for name, code in FLOWS.items():
        pool.write(name, code)
    pool.ask("POST", "/work_pools/", {"name": pool.name, "type": "warm"})
    return pool


@pytest.fixture(scope="module")
def notified(
    prefect_api_url: str, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pool]:
    """A pool whose worker polls once an hour: what starts sooner was notified."""
    pool = _pool(prefect_api_url, tmp_path_factory.mktemp("notified"))
    ledger = postgres.url("postgres")
    with pool.worker(PREFECT_WORKER_QUERY_SECONDS="3600", CCT_OPS_DATABASE_URL=ledger):
        yield pool
