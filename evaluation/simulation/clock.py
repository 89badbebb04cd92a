"""
A clock that stands still until it is moved, in place of the database's own.

The ledger takes all of its times from two functions of PostgreSQL. In a simulated database two of
the same names are found before them on the search path, so the ledger runs as it is, migrations
included, and not one line of it knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_READ = "select timestamptz 'epoch' + last_value * interval '1 microsecond' from simulated.clock"


@dataclass(frozen=True)
class VirtualClock:
    """The clock of one simulated database, moved through a connection of its own."""

    connection: psycopg.Connection

    @classmethod
    def install(cls, url: str) -> Self:
        """Make the clock in an empty database; connections opened from now on live by it."""
        connection = psycopg.connect(url, autocommit=True)
        database = connection.info.dbname
        connection.execute("create schema simulated")
        connection.execute("create sequence simulated.clock")
        for name in ("clock_timestamp", "statement_timestamp"):
            connection.execute(
                f"create function simulated.{name}() returns timestamptz language sql stable"
                f" as $$ {_READ} $$".encode()
            )
        for setting in ("search_path = public, simulated, pg_catalog", "synchronous_commit = off"):
            connection.execute(f"alter database {database} set {setting}".encode())
        return cls(connection)

    def move(self, moment: datetime) -> None:
        """Let it be that moment, for everybody, at once."""
        microseconds = (moment - EPOCH) // timedelta(microseconds=1)
        self.connection.execute("select setval('simulated.clock', %s)", (microseconds,))
