"""What the parts of the cluster have used so far: processor time, commits, bytes, connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from evaluation.cluster.cluster import Cluster
from evaluation.cluster.member import Member
from evaluation.cluster.postgres import DATABASES, PORT

_NOT_CLIENTS = {"postgres", "redis", "nginx", "cct", "slack"}
SENDER = "sender"
"""This process: it sends, and looks."""

_COMMITS = "select datname, xact_commit from pg_stat_database where datname = any(%s)"
_SIZES = "select datname, pg_database_size(datname) from pg_database where datname = any(%s)"
_WAL = "select pg_current_wal_lsn() - '0/0'::pg_lsn"


class Spent(NamedTuple):
    """All of it at one moment; ``busy`` are the seconds of all cores that anybody used."""

    cpu: Mapping[str, float]
    busy: float
    commits: Mapping[str, int]
    bytes: Mapping[str, int]

    def since(self, before: Spent) -> Spent:
        """Return what was used since another moment."""
        return Spent(
            {part: used - before.cpu.get(part, 0.0) for part, used in self.cpu.items()},
            self.busy - before.busy,
            {name: each - before.commits[name] for name, each in self.commits.items()},
            {name: each - before.bytes[name] for name, each in self.bytes.items()},
        )


def spent(made: Cluster) -> Spent:
    """Read all of it; the seconds of processes that have ended are their parents'."""
    cpu: dict[str, float] = defaultdict(float)
    for member in made.members.values():
        cpu[part_of(made, member)] += sum(map(_seconds, _tree(member)))
    cpu[SENDER] = _seconds(psutil.Process(), ended=False)
    total = psutil.cpu_times()
    busy = sum(total) - total.idle - total.iowait - total.guest - total.guest_nice
    with made.databases.connect(made.databases.primary) as connection:
        names = [list(DATABASES)]
        commits = {str(name): int(n) for name, n in connection.execute(_COMMITS, names)}
        sizes = {str(name): int(n) for name, n in connection.execute(_SIZES, names)}
        (wal,) = connection.execute(_WAL).fetchone() or (0,)
    return Spent(cpu, busy, commits, {**sizes, "wal": int(wal)})


def part_of(made: Cluster, member: Member) -> str:
    """Return the part that a member is of; the standby is one of its own."""
    if member.kind != "postgres":
        return member.kind
    return "postgres" if member.name == f"postgres-{made.databases.primary + 1}" else "standby"


class Connected(NamedTuple):
    """Connections to PostgreSQL of a member, but for those of runs; and each run's own."""

    own: int
    runs: tuple[int, ...]


def connections(made: Cluster) -> dict[str, Connected]:
    """
    Count the connections to PostgreSQL that each member holds now.

    A process below a worker that is at work for longer than the pool of those that wait is a run;
    whoever holds a connection there is one.
    """
    found: dict[str, Connected] = {}
    for name, member in made.members.items():
        tree = list(_tree(member))
        if not tree or member.kind in _NOT_CLIENTS:
            continue
        counts = [_to_postgres(each) for each in tree]
        if member.kind == "worker":
            found[name] = Connected(counts[0], tuple(filter(None, counts[1:])))
        else:
            found[name] = Connected(sum(counts), ())
    return found


def _to_postgres(process: psutil.Process) -> int:
    """Count those of a process, in the network namespace that it is in."""
    of = Path("/proc", str(process.pid))
    with suppress(OSError):
        rows = [line.split() for line in (of / "net" / "tcp").read_text().splitlines()[1:]]
        there = {row[9] for row in rows if row[2].endswith(f":{PORT:04X}") and row[3] == "01"}
        held = {_target_of(each) for each in (of / "fd").iterdir()}
        return len(held & {f"socket:[{inode}]" for inode in there})
    return 0


def _target_of(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


def _tree(member: Member) -> Iterator[psutil.Process]:
    for process in member.processes():
        with suppress(psutil.NoSuchProcess):
            if process.is_running():
                yield process


def _seconds(process: psutil.Process, *, ended: bool = True) -> float:
    """Return the processor time of a process, and of those that it has waited for."""
    with suppress(psutil.NoSuchProcess):
        used = process.cpu_times()
        own = used.user + used.system
        return own + (used.children_user + used.children_system if ended else 0.0)
    return 0.0
