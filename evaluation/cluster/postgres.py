"""Debian's PostgreSQL on two hosts: a primary and a standby that has what is acknowledged."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from evaluation.cluster.member import Member, as_user
from evaluation.cluster.network import Host

DATABASES = ("cct_ops", "prefect")
USER = "postgres"
OWNER = "cct_ops"  # of both databases; each part has a role of its own that acts as this one
PORT = 5432
# A commit is answered once the standby has it on its disk too: then a failover loses nothing.
SYNCHRONOUS = "ANY 1 (*)"

_SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "64MB",
    "wal_keep_size": "256MB",
    "min_wal_size": "2MB",  # with small segments a full disk is felt at once
    "max_wal_size": "256MB",
    "hot_standby": "on",
    "timezone": "UTC",
    "unix_socket_directories": "''",
    # Who does not answer any more is given up, also where no packet says so.
    "tcp_user_timeout": "10s",
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
}


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that Debian installed; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


@dataclass
class Databases:
    """Both servers; which of them is the primary changes with each failover."""

    folder: Path
    disks: tuple[Path, Path]
    hosts: tuple[Host, Host]
    bin: Path
    primary: int = 0

    def member(self, place: int) -> Member:
        """Return the process of one of them."""
        host = self.hosts[place]
        return Member(
            name=f"postgres-{place + 1}",
            host=host,
            command=(str(self.bin / "postgres"), "-D", str(self._data(place))),
            env={},
            log=self.folder / f"postgres-{place + 1}.log",
            well=lambda: self.answers(place),
            user=USER,
            stops_by=signal.SIGINT,  # at SIGTERM it would wait for everybody to leave by themselves
        )

    def create(self) -> None:
        """Make the first one's data; nobody but the cluster reaches its network."""
        self.folder.mkdir(mode=0o711, exist_ok=True)
        for folder in (self.folder, *self.disks):
            if os.geteuid() == 0:
                shutil.chown(folder, USER, USER)
        data, words = self._data(0), ("--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1")
        self._run("initdb", "-D", str(data), "--auth=trust", *words)
        net = self.hosts[0].address.rpartition(".")[0]
        with (data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {net}.0/24 trust\nhost replication all {net}.0/24 trust\n")
        lines = [f"{name} = {value}" for name, value in _SETTINGS.items()]
        with (data / "postgresql.conf").open("a") as config:
            config.write("\n".join(["listen_addresses = '*'", *lines, ""]))

    def make_standby(self) -> None:
        """Copy the primary anew to the other host, which follows it from then on."""
        other = 1 - self.primary
        shutil.rmtree(self._data(other), ignore_errors=True)
        source = self.hosts[self.primary].address
        self._run(
            *("pg_basebackup", "-h", source, "-U", USER, "-D", str(self._data(other))),
            *("-R", "-X", "stream", "--checkpoint=fast"),
            prefix=self.hosts[other].prefix,
        )
        # Where it is the primary itself one day, it must not wait for a standby that is gone.
        with (self._data(other) / "postgresql.auto.conf").open("a") as config:
            config.write("synchronous_standby_names = ''\n")

    def wait_for_standby(self, *, waits: bool) -> None:
        """Let the primary acknowledge only what the standby has, or go on without it."""
        wanted = SYNCHRONOUS if waits else ""
        with self.connect(self.primary) as connection:
            connection.execute(f"alter system set synchronous_standby_names = '{wanted}'".encode())
            connection.execute("select pg_reload_conf()")

    def promote(self) -> None:
        """Make the standby the primary; the old one must not run, and must not start again."""
        self.primary = 1 - self.primary
        with self.connect(self.primary) as connection:
            connection.execute("select pg_promote()")

    def create_databases(self, parts: Iterable[str]) -> None:
        """Make the databases of the ledger and of Prefect, and a role for each of these parts."""
        with self.connect(self.primary) as connection:
            connection.execute(f"create role {OWNER} login".encode())
            # All parts see who listens, as they do where they share one role.
            connection.execute(f"grant pg_read_all_stats to {OWNER}".encode())
            for name in DATABASES:
                connection.execute(f"create database {name} owner {OWNER}".encode())
            for part in parts:
                role = self.role(part)
                connection.execute(f"create role {role} login in role {OWNER}".encode())
                connection.execute(f"alter role {role} set role = {OWNER}".encode())

    def role(self, part: str) -> str:
        """Return the role by which a part is known."""
        return part.replace("-", "_")

    def connect(
        self, place: int, database: str = "postgres", user: str = USER
    ) -> psycopg.Connection:
        """Connect to one of them."""
        return psycopg.connect(
            host=self.hosts[place].address,
            port=PORT,
            user=user,
            dbname=database,
            autocommit=True,
            connect_timeout=2,
        )

    def answers(self, place: int, user: str = USER) -> bool:
        """Say whether it answers this user."""
        try:
            with self.connect(place, user=user) as connection:
                return connection.execute("select 1").fetchone() is not None
        except psycopg.Error:
            return False

    def url(self, driver: str, database: str, user: str = OWNER) -> str:
        """Return the URL with both hosts, by which everybody finds the primary."""
        both = "&".join(f"host={host.address}:{PORT}" for host in self.hosts)
        return f"postgresql+{driver}://{user}@/{database}?{both}&target_session_attrs=read-write"

    def _data(self, place: int) -> Path:
        return self.disks[place] / "data"

    def _run(self, program: str, *words: str, prefix: tuple[str, ...] = ()) -> None:
        done = subprocess.run(  # noqa: S603 -- PostgreSQL's own programs
            [*prefix, *as_user(USER), str(self.bin / program), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode != 0:
            raise OSError(f"{program}: {done.stderr.strip()}")
