"""
The ledger of the last release, with rows in every table: what a later one has to bring over.

``python -m tests.ledger.released`` brings it to the newest schema and writes it anew; once for each
release. A table that has no row yet is named, and gets one by hand.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from pydantic import SecretStr

from cct_ops.ledger.engine import connect, migrate
from cct_ops.stack.postgres import EmbeddedPostgres, binaries

RELEASED = Path(__file__).with_suffix(".sql")
_SAYS_NOTHING = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")


def psycopg_url(url: str) -> str:
    """Return what psycopg calls this database, for SQLAlchemy's URL of it."""
    return url.replace("+psycopg", "")


def load(url: str) -> None:
    """Make an empty database what the last release left."""
    with psycopg.connect(psycopg_url(url)) as connection:
        connection.execute(RELEASED.read_bytes())


def dump(url: str) -> str:
    """Return the statements that make this database again."""
    program, form = str(binaries() / "pg_dump"), ("--column-inserts", "--no-owner", "--no-acl")
    lines = subprocess.run(
        [program, *form, psycopg_url(url)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(_SAYS_NOTHING))


def empty_tables(url: str) -> list[str]:
    """Return the tables without a row."""
    with psycopg.connect(psycopg_url(url)) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'public'"
        ).fetchall()
        return sorted(
            name
            for (name,) in tables
            if connection.execute(f"select from {name} limit 1".encode()).rowcount == 0
        )


def main() -> int:
    """Write the dump anew, and name the tables that lack a row."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        url = server.url("cct_ops")
        load(url)
        migrate(SecretStr(url))
        RELEASED.write_text(dump(url))
        lacking = empty_tables(url)
        connect(SecretStr(url)).dispose()
    if lacking:
        sys.stderr.write(f"Add a row by hand to {RELEASED.name}: {', '.join(lacking)}\n")
    return len(lacking)


if __name__ == "__main__":
    sys.exit(main())
