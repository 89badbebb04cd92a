"""Loads a backup into empty databases, and holds what came out against its manifest."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from cct_ops.backup import archive
from cct_ops.backup.archive import Dump, Manifest
from cct_ops.backup.database import Database, ended_well, revision, tables
from cct_ops.backup.take import DUMPS, SECRET_TABLES
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Unavailable

_LEAVING_SECONDS = 5.0
"""How long who has hung up may still be listed; what PostgreSQL waits before a rename
(``CountOtherDBBackends`` in its procarray.c)."""
_LOOK_SECONDS = 0.1


def load(file: zipfile.ZipFile, name: str, into: Database) -> None:
    """Load one dump; raises ``ContractBroken`` where it is damaged, with nothing of use loaded."""
    with into.connected() as connection:
        server_version = connection.info.server_version
    tool = into.tool("pg_restore", server_version)
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--dbname", into.name)
    loading = into.running(tool, *options, stdin=subprocess.PIPE)
    assert loading.stdin is not None  # noqa: S101 -- a pipe was asked for
    assert loading.stderr is not None  # noqa: S101 -- a pipe of every one of them
    said = _Read(loading.stderr)
    try:
        with contextlib.suppress(BrokenPipeError), loading.stdin as sink:
            for block in archive.blocks(file, name):
                sink.write(block)
        ended_well(loading, said.words, f"{name} could not be loaded into {into.title}: pg_restore")
    finally:
        loading.kill()
        loading.wait()
        loading.stderr.close()


class _Read:
    """Reads what a program complains of while it is fed, so that neither waits for the other."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._said = b""
        self._thread = threading.Thread(target=self._all, daemon=True)
        self._thread.start()

    def _all(self) -> None:
        self._said = self._stream.read()

    def words(self) -> bytes:
        """Return all of it, once it has ended."""
        self._thread.join()
        return self._said


def damaged(file: zipfile.ZipFile, manifest: Manifest) -> Iterator[str]:
    """Yield which parts are not those that were written."""
    for name, dump in zip(DUMPS, (manifest.ledger, manifest.prefect), strict=True):
        try:
            found = archive.digest(file, name)
        except ContractBroken as error:
            yield str(error)
            continue
        if found != dump.sha256:
            yield f"{name} is not what was written: its digest is another"


def differences(manifest: Manifest, ledger: Database, prefect: Database) -> Iterator[str]:
    """Yield in what the loaded databases are not what the manifest says of them."""
    both = ((ledger, manifest.ledger, ()), (prefect, manifest.prefect, SECRET_TABLES))
    for database, dump, without in both:
        with database.connected() as connection:
            yield from _differences(database.title, connection, dump, without)


def _differences(
    title: str, connection: psycopg.Connection[Any], dump: Dump, without: tuple[str, ...]
) -> Iterator[str]:
    found = revision(connection)
    if found != dump.revision:
        yield f"{title}: its schema is {found}, and that of the backup is {dump.revision}"
    counted = tables(connection, without)
    for name in sorted(counted.keys() | dump.tables.keys()):
        now, then = counted.get(name), dump.tables.get(name)
        if then is None:
            yield f"{title}: {name} is there, and is not in the backup"
        elif now is None:
            yield f"{title}: {name} is not there, and has {then} rows in the backup"
        elif now != then:
            yield f"{title}: {name} has {now} rows, and {then} were backed up"


def is_empty(database: Database) -> bool:
    """Say whether nothing is in it."""
    with database.connected() as connection:
        row = connection.execute(
            "select count(*) from pg_class where relkind in ('r', 'p')"
            " and relnamespace = 'public'::regnamespace"
        ).fetchone()
    return row is not None and row[0] == 0


def others(database: Database) -> list[str]:
    """
    Return who else is connected to it, and stays so.

    The server lists a connection for a moment after its end: a part that was just stopped, or the
    command before this one, is in nobody's way.
    """
    until = time.monotonic() + _LEAVING_SECONDS
    while (there := _connected(database)) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    return there


def _connected(database: Database) -> list[str]:
    with database.connected() as connection:
        found = connection.execute(
            "select coalesce(nullif(application_name, ''), usename, 'somebody')"
            " || coalesce(' from ' || host(client_addr), '') from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        ).fetchall()
    return sorted({str(row[0]) for row in found})


def create(database: Database) -> None:
    """Make it, empty; what a killed attempt left of it goes."""
    with database.named("postgres").connected() as connection:
        name = sql.Identifier(database.name)
        try:
            connection.execute(sql.SQL("drop database if exists {}").format(name))
            connection.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8'").format(name)
            )
        except psycopg.errors.InsufficientPrivilege:
            raise BadConfiguration(
                f"the role in the URL of {database.title} may not make databases, which a restore"
                " needs: give it CREATEDB for as long"
            ) from None


def drop(database: Database) -> None:
    """Take it away, with whoever is connected."""
    with database.named("postgres").connected() as connection:
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))


def swap(pairs: list[tuple[Database, Database]], suffix: str) -> None:
    """
    Give each restored database the name of the one that it replaces, which gets the suffix.

    Those of one server change their names at one moment; where a second server fails, the first
    changes them back. Raises ``BadConfiguration`` where somebody has connected meanwhile.
    """
    by_server: dict[tuple[str, str], list[tuple[Database, str]]] = {}
    for there, new in pairs:
        renames = by_server.setdefault(there.server, [])
        renames += [(there, f"{there.name}{suffix}"), (new, there.name)]
    done: list[list[tuple[Database, str]]] = []
    try:
        for renames in by_server.values():
            _rename(renames)
            done.append(renames)
    except BaseException as error:
        for renames in reversed(done):
            back = [(each.named(name), each.name) for each, name in reversed(renames)]
            try:
                _rename(back)
            except OpsError as second:
                left = ", then ".join(f"{each.name} to {name}" for each, name in back)
                raise Unavailable(f"{error}; {second}. By hand, rename {left}") from error
        if isinstance(error, OpsError):
            raise type(error)(f"{error}. Nothing was changed") from error
        raise


def _rename(renames: list[tuple[Database, str]]) -> None:
    """Rename the databases of one server, all or none of them."""
    database = renames[0][0]
    with database.named("postgres").connected(autocommit=False) as connection:
        try:
            for database, name in renames:
                names = sql.Identifier(database.name), sql.Identifier(name)
                connection.execute(sql.SQL("alter database {} rename to {}").format(*names))
            connection.commit()
        except psycopg.errors.ObjectInUse:
            raise BadConfiguration(
                f"somebody has connected to {database.title} meanwhile: stop all parts first"
            ) from None
        except psycopg.Error as error:
            words = " ".join(str(error).split())
            raise Unavailable(f"{database.title} could not be exchanged: {words}") from None
