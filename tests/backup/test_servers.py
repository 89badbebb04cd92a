"""Databases are backed up and put back wherever their URLs say that they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.backup import load
from cct_ops.backup.database import Database
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import switches
from tests.backup.conftest import Installation, Reach, left_beside


def by_several_hosts(of: Database, driver: str) -> Database:
    """The same as a cluster's settings name it: the first of its servers is down."""
    known = of.parameters
    url = sa.URL.create(
        f"postgresql+{driver}",
        known["user"],
        known["password"],
        database=of.name,
        query={
            "host": ("127.0.0.1:9", f"{known['host']}:{known['port']}"),
            "target_session_attrs": "read-write",
        },
    )
    return Database.of(of.title, SecretStr(url.render_as_string(hide_password=False)), "NAME")


def test_urls_of_several_servers_do_for_all_of_it(
    here: Installation, there: Installation, engine: sa.Engine, reach: Reach, tmp_path: Path
) -> None:
    switches.stop(engine, "something to back up", "ada")
    source = Installation(
        by_several_hosts(here.ledger, "psycopg"), by_several_hosts(here.prefect, "asyncpg")
    )
    target = Installation(
        by_several_hosts(there.ledger, "psycopg"), by_several_hosts(there.prefect, "asyncpg")
    )
    source.backed_up(tmp_path / "b.zip")

    target.restored(tmp_path / "b.zip")

    with reach().connect() as connection:
        reasons = connection.execute(sa.text("select reason from switches")).scalars().all()
    assert "something to back up" in reasons


def test_a_url_of_prefects_driver_is_read_as_that_reads_it() -> None:
    said = SecretStr("postgresql+asyncpg://u:p@db/prefect?ssl=require&command_timeout=9")

    read = Database.of("Prefect's database", said, "NAME")

    assert read.parameters["sslmode"] == "require"
    assert "command_timeout" not in read.parameters
    assert sa.make_url(read.url.get_secret_value()).query["sslmode"] == "require"


def test_where_a_second_server_fails_the_first_changes_back(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    here.backed_up(tmp_path / "b.zip")
    elsewhere = {**there.prefect.parameters, "host": "localhost"}
    apart = Installation(there.ledger, Database("Prefect's database", elsewhere))

    with (
        there.prefect.connected(),
        pytest.raises(BadConfiguration, match=r"has connected to .*\. Nothing was changed"),
    ):
        apart.restored(tmp_path / "b.zip")

    assert load.is_empty(there.ledger)
    assert left_beside(there.ledger) == 0
