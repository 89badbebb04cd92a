"""
The cluster: all of its hosts and processes, and what can be done to them by name.

``front`` has nginx and Redis, which a team buys or doubles, and Slack; ``cct`` is the sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.sandbox.control import SandboxControl
from evaluation.cluster import config, parts, postgres
from evaluation.cluster.disk import Disks, disks
from evaluation.cluster.member import Member
from evaluation.cluster.network import Network, network
from evaluation.cluster.postgres import Databases
from evaluation.cluster.proxy import GATEWAY_PORT
from evaluation.soak.parts import ROOT

HOSTS = ("one", "two", "three", "front", "cct")
_NEEDED = ("redis-server", "nginx", "setpriv")
_FIRST_GROUP = 70_000  # of the system's groups, which need no name
ALL = frozenset({"prefect-api", "prefect-services", "gateway", "controller", "worker"})


@dataclass
class Cluster:
    """A cluster that runs; ``members`` are its processes by name."""

    net: Network
    folder: Path
    disks: Disks
    databases: Databases
    env: Mapping[str, str]
    servers_env: Mapping[str, str]
    sandbox: SandboxControl
    source: Path = ROOT  # where the parts run from
    members: dict[str, Member] = field(default_factory=dict)

    def places(self) -> parts.Places:
        """Return where its parts are."""
        return parts.Places(self.net.hosts, self.folder, self.disks)

    @property
    def hook(self) -> str:
        """The address that senders know: nginx in front of the gateways."""
        return f"http://{self.net.hosts['front'].address}:{GATEWAY_PORT}/hooks/alertmanager"

    def ledger(self) -> sa.Engine:
        """Connect to the ledger, whichever host has it, and also where there is no room left."""
        return connect(SecretStr(self.databases.url("psycopg", "cct_ops", postgres.USER)))

    def on(self, host: str) -> list[Member]:
        """Return the processes of a host."""
        return [each for each in self.members.values() if each.host.name == host]

    def lose(self, host: str) -> None:
        """Kill all that runs on a host at once, runs of playbooks included."""
        _kill_all(self.net, host)
        for member in self.on(host):
            member.kill(with_children=True)

    def fail_over(self) -> None:
        """
        Let the standby take over from a primary that is gone, and make that one its standby.

        It is what docs/many-machines.md says for three o'clock in the morning.
        """
        gone = self.databases.primary
        self.members[f"postgres-{gone + 1}"].kill(with_children=True)
        self.databases.promote()

    def follow_again(self) -> None:
        """Copy the new primary to the host of the old one, and let it wait for that again."""
        self.databases.make_standby()
        standby = self.members[f"postgres-{2 - self.databases.primary}"]
        standby.start()
        standby.wait_until_well()
        self.databases.wait_for_standby(waits=True)


def missing() -> list[str]:
    """Return what is not installed and the cluster needs."""
    without = [name for name in _NEEDED if shutil.which(name) is None]
    return without if postgres.programs() else [*without, "postgresql"]


@contextmanager
def cluster(
    folder: Path, *, kinds: frozenset[str] = ALL, source: Path | None = None
) -> Iterator[Cluster]:
    """
    Run a cluster, all of it well, for the length of the block; ``kinds`` are parts of ours.

    ``source`` is a copy of this tree that they are to run from.
    """
    folder.chmod(0o711)  # PostgreSQL's user passes through it
    with ExitStack() as stack:
        net = stack.enter_context(network(HOSTS))
        on = stack.enter_context(disks(folder / "disks"))
        made = named(net, on, folder, source or ROOT)
        stack.callback(_end, made)
        stack.enter_context(made.sandbox)
        ours = list(parts.ours(made.places(), made.databases, made.env, made.servers_env))
        _start_databases(made, [each.name for each in ours])
        _start(made, parts.helpers(made.places(), made.env))
        _run(made, "migrate", made.servers_env)
        wanted = [each for each in ours if each.kind in kinds]
        _start(made, [each for each in wanted if each.kind.startswith("prefect")])
        if "prefect-api" in kinds:
            _run(made, "deploy")
        _start(made, [each for each in wanted if not each.kind.startswith("prefect")])
        yield made


def named(net: Network, on: Disks, folder: Path, source: Path = ROOT) -> Cluster:
    """Return a cluster on these hosts and disks of which nothing runs so far."""
    found = postgres.programs()
    if found is None:
        raise OSError("Debian's postgresql is not installed")
    pair = on.of("postgres-1"), on.of("postgres-2")
    databases = Databases(folder / "postgres", pair, (net.hosts["one"], net.hosts["two"]), found)
    front, cct = net.hosts["front"], net.hosts["cct"]
    env = config.common(folder, front, cct, databases.url("psycopg", "cct_ops"))
    if source != ROOT:
        env["PYTHONPATH"] = str(source / "src")  # before what is installed
    servers_env = config.of_servers(front, databases.url("asyncpg", "prefect"))
    sandbox = SandboxControl(f"http://{cct.address}:{config.SANDBOX_PORT}")
    return Cluster(net, folder, on, databases, env, servers_env, sandbox, source)


def _start_databases(made: Cluster, names: list[str]) -> None:
    made.databases.create()
    _start(made, [made.databases.member(0)])
    made.databases.create_databases(names)
    made.databases.make_standby()
    _start(made, [made.databases.member(1)])
    made.databases.wait_for_standby(waits=True)


def _start(made: Cluster, members: Iterable[Member]) -> None:
    """Start these at once, and wait for all of them."""
    started = list(members)
    for member in started:
        member.group = _FIRST_GROUP + len(made.members)
        made.members[member.name] = member
        member.source = made.source
        member.start()
    for member in started:
        member.wait_until_well()


def _run(made: Cluster, command: str, env: Mapping[str, str] | None = None) -> None:
    """Run one of our commands on the first host, to its end."""
    home = {"PREFECT_HOME": str(made.folder / "home-one")}
    done = subprocess.run(  # noqa: S603 -- our own command
        [*made.net.hosts["one"].prefix, parts.COMMAND, command],
        env={"PATH": os.environ["PATH"], **made.env, **home, **(env or {})},
        cwd=made.source,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"cct-ops {command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _end(made: Cluster) -> None:
    """Leave nothing behind."""
    made.ledger().dispose()
    for member in reversed([*made.members.values()]):
        member.resume()
        member.kill(with_children=True)
    for host in made.net.hosts:
        with suppress(NotImplementedError, OSError, subprocess.CalledProcessError):
            _kill_all(made.net, host)


def _kill_all(net: Network, host: str) -> None:
    """Kill whatever runs on a host, also what no member has started."""
    for pid in net.processes(host):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
