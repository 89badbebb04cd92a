"""What several Prefect servers need in their database is there before them, made once."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

from cct_ops.stack.postgres import EmbeddedPostgres
from cct_ops.variables import harmless
from tests.conftest import administrator


def test_it_is_prepared_once_also_by_two_at_the_same_moment(postgres: EmbeddedPostgres) -> None:
    """Servers that start at once would each make it, and one would fail at what is there."""
    administrator(postgres).execute("create database prepared")
    url = postgres.asyncpg_url("prepared")
    env = {**harmless(os.environ), "PREFECT_API_DATABASE_CONNECTION_URL": url}
    command = [sys.executable, "-m", "cct_ops.stack.prefect_database"]

    both = [subprocess.Popen(command, env=env) for _ in range(2)]

    assert [each.wait(200) for each in both] == [0, 0]
    with psycopg.connect(postgres.url("prepared").replace("+psycopg", "")) as connection:
        counted = connection.execute("select count(*), count(distinct slug) from block_type")
        kinds, different = counted.fetchone() or (0, 0)
    assert kinds == different > 0


def test_a_database_that_is_not_there_is_one_sentence() -> None:
    url = "postgresql+asyncpg://nobody:x@127.0.0.1:1/nothing"
    env = {**harmless(os.environ), "PREFECT_API_DATABASE_CONNECTION_URL": url}
    command = [sys.executable, "-m", "cct_ops.stack.prefect_database"]

    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("prefect's database: ")
    assert "Traceback" not in ended.stderr
    assert "nobody:x" not in ended.stderr
