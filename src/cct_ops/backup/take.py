"""
Takes a backup of both databases while everything goes on.

The ledger is read as of one moment, and Prefect's database as of the next: PostgreSQL lets no two
databases share a snapshot. In this order a run that the ledger speaks of is in Prefect; a run that
is only there is asked for once more after a restore, by the same key. The other order would leave
the ledger with runs that nobody knows.
"""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from cct_ops.backup import archive
from cct_ops.backup.archive import Dump, Manifest
from cct_ops.backup.database import Database, ended_well, revision, tables
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.ledger.record.backups import Backup

# Tokens that live for an hour, and the key to the blocks beside which it would lie.
SECRET_TABLES = ("csrf_token", "configuration")
DUMPS = ("ledger.dump", "prefect.dump")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Moment:
    """A transaction that sees a database as it was at one moment, for others to share."""

    database: Database
    connection: psycopg.Connection[Any]
    snapshot: str
    at: datetime
    server_version: int

    @classmethod
    def now(cls, database: Database, stack: ExitStack) -> Moment:
        """Begin it."""
        connection = stack.enter_context(database.connected(autocommit=False))
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("select pg_export_snapshot(), clock_timestamp()").fetchone()
        assert row is not None  # noqa: S101 -- for the type checker
        return cls(database, connection, row[0], row[1], connection.info.server_version)

    def one(self, query: str) -> Any:
        """Return the only value of a query."""
        row = self.connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]


def take(ledger: Database, prefect: Database, path: Path, person: str) -> tuple[Backup, Manifest]:
    """Write a backup to a new file, and return what it is."""
    with ExitStack() as stack:
        first = Moment.now(ledger, stack)
        second = Moment.now(prefect, stack)
        if revision(first.connection) is None:
            raise BadConfiguration("there is no ledger in that database: nothing to back up")
        with archive.writing(path) as (file, written):
            manifest = Manifest(
                format=archive.FORMAT,
                version=version("cct-ops"),
                prefect_version=version("prefect"),
                person=person,
                ledger=_dumped(first, file, DUMPS[0]),
                prefect=_dumped(second, file, DUMPS[1], SECRET_TABLES),
                **_facts(first, second),
            )
            file.writestr(archive.MANIFEST, manifest.model_dump_json(indent=2))
    taken = Backup(
        taken_at=manifest.ledger.at,
        person=person,
        file=path.name,
        sha256=written.sha256,
        bytes=written.bytes,
        leaves=manifest.leaves,
    )
    return taken, manifest


def _dumped(moment: Moment, file: zipfile.ZipFile, name: str, without: Sequence[str] = ()) -> Dump:
    """Let PostgreSQL's own program dump what the moment sees."""
    tool = moment.database.tool("pg_dump", moment.server_version)
    left_out = [f"--exclude-table-data=public.{table}" for table in without]
    options = ["--format=custom", "--compress=gzip:3", "--no-owner", "--no-privileges"]
    options += [f"--snapshot={moment.snapshot}", *left_out]
    dump = moment.database.running(tool, *options, stdout=subprocess.PIPE)
    assert dump.stdout is not None  # noqa: S101 -- a pipe was asked for
    assert dump.stderr is not None  # noqa: S101 -- likewise
    try:
        with file.open(name, "w", force_zip64=True) as part:
            written = archive.Hashing(part)
            while block := dump.stdout.read(archive.BLOCK):
                written.write(block)
        ended_well(dump, dump.stderr.read, f"The dump of {moment.database.title}")
    finally:
        dump.kill()
        dump.wait()
        dump.stdout.close()
        dump.stderr.close()
    return Dump(
        at=moment.at,
        revision=revision(moment.connection),
        server_version=moment.server_version,
        tables=tables(moment.connection, without),
        sha256=written.sha256,
        bytes=written.bytes,
    )


def _facts(ledger: Moment, prefect: Moment) -> dict[str, Any]:
    """Return what both say of that moment, and hold them against each other."""
    recent = ledger.connection.execute(
        "select flow_run_id from dispatches where flow_run_id is not null"
        " and finished_at > clock_timestamp() - interval '1 day'"
    ).fetchall()
    wanted = [row[0] for row in recent]
    try:
        found = prefect.connection.execute(
            "select count(*) from flow_run where id = any(%s)", (wanted,)
        ).fetchone()
        under_way = prefect.one(
            "select count(*) from flow_run where state_type in ('PENDING', 'RUNNING', 'CANCELLING')"
        )
    except psycopg.errors.UndefinedTable:
        raise BadConfiguration("there is no Prefect in its database: nothing to back up") from None
    if found is None:
        raise Unavailable("Prefect's database does not say which runs it knows")
    note = ledger.one("select note from log_checkpoints order by size desc limit 1")
    return {
        "leaves": ledger.one("select coalesce(max(position) + 1, 0) from log_leaves"),
        "waiting": ledger.one("select count(*) from log_queue"),
        "checkpoint": note,
        "draining": bool(ledger.one("select draining from drains order by id desc limit 1")),
        "under_way": under_way,
        "runs_unknown_to_prefect": len(wanted) - found[0],
    }
