"""
Faults of connections: one part is given none any more, or a server has none left for anybody.

Each part has a role of its own in PostgreSQL, so that it alone can be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random

import psycopg
import redis

from evaluation.cluster import config
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import PART_OF, Fault, those_of, with_runs
from evaluation.cluster.names import Kind
from evaluation.cluster.postgres import OWNER, USER, Databases
from evaluation.cluster.processes import SHORTLY_SECONDS

_OURS = ("gateway", "controller", "worker", "prefect-api", "prefect-services")
_ALWAYS = 10_000  # clients, which is Redis's own default
_KIND: Kind = "connection pool exhausted"


def exhaustions(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield for each part that it is given no connection, and for each server that it has none."""
    for member in those_of(made, *_OURS):
        begins = partial(refuse, made.databases, member.name)
        ends = partial(admit, made.databases, member.name)
        seconds, part = random.uniform(*SHORTLY_SECONDS), PART_OF[member.kind]
        name = f"no connections for {member.name}"
        yield from with_runs(member, Fault(part, _KIND, name, begins, ends, seconds))
    if those_of(made, "postgres"):
        crowd = Crowd(made.databases)
        seconds = random.uniform(*SHORTLY_SECONDS)
        name = "no connections left in postgres"
        yield Fault("postgresql", _KIND, name, crowd.come, crowd.go, seconds)
    if those_of(made, "redis"):
        full = FullRedis(made.net.hosts["front"].address)
        seconds = random.uniform(*SHORTLY_SECONDS)
        yield Fault("redis", _KIND, "no connections left in redis", full.begin, full.end, seconds)


def refuse(databases: Databases, name: str) -> None:
    """Close the connections of a part, and let it have no other one."""
    role = databases.role(name)
    with databases.connect(databases.primary) as connection:
        connection.execute(f'alter role "{role}" connection limit 0'.encode())
        connection.execute(_CLOSE + b" where usename = %s", [role])


def admit(databases: Databases, name: str) -> None:
    """Let a part have connections again."""
    with databases.connect(databases.primary) as connection:
        connection.execute(f'alter role "{databases.role(name)}" connection limit -1'.encode())


def admit_all(databases: Databases, names: Iterable[str]) -> None:
    """Let all parts have connections again; a server that does not answer is left as it is."""
    with suppress(psycopg.OperationalError):
        for name in names:
            if name.startswith(_OURS):
                admit(databases, name)


_CLOSE = b"select pg_terminate_backend(pid) from pg_stat_activity"


@dataclass
class Crowd:
    """Clients that take all connections that PostgreSQL gives to others than its superuser."""

    databases: Databases
    taken: list[psycopg.Connection] = field(default_factory=list)

    def come(self) -> None:
        """Take what is free, and then what everybody else had."""
        self._take()
        with self.databases.connect(self.databases.primary) as connection:
            connection.execute(_CLOSE + b" where usename <> all(%s)", [[OWNER, USER]])
        self._take()

    def go(self) -> None:
        """Leave."""
        while self.taken:
            self.taken.pop().close()

    def _take(self) -> None:
        with suppress(psycopg.OperationalError):  # the one that was refused
            while True:
                self.taken.append(self.databases.connect(self.databases.primary, user=OWNER))


@dataclass
class FullRedis:
    """A Redis that serves one client, which is this one."""

    address: str
    client: redis.Redis | None = None

    def begin(self) -> None:
        """Close all other connections, and let nobody have one."""
        self.client = redis.Redis(
            host=self.address, port=config.REDIS_PORT, single_connection_client=True
        )
        self.client.config_set("maxclients", 1)
        for kind in ("normal", "pubsub"):
            self.client.client_kill_filter(_type=kind, skipme=True)

    def end(self) -> None:
        """Let everybody come back."""
        if self.client is not None:
            self.client.config_set("maxclients", _ALWAYS)
            self.client.close()
