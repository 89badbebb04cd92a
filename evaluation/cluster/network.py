"""
The hosts of the cluster: network namespaces on one bridge, or only addresses of this machine.

Where namespaces are not allowed each host is an address of the loopback interface. Processes can be
hurt there as well, but no host can be cut off from another.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import psutil

from evaluation.cluster import control_groups

_OURS = "cctops"
_NETS = 250
_RULES = """
add table inet cluster
add set inet cluster cut { type ipv4_addr; }
add set inet cluster groups { type gid; }
add set inet cluster ports { type inet_service; }
add chain inet cluster in { type filter hook input priority 0; }
add chain inet cluster out { type filter hook output priority 0; }
add rule inet cluster in ip saddr @cut drop
add rule inet cluster out ip daddr @cut drop
add rule inet cluster in ip saddr 127.0.0.0/8 accept
add rule inet cluster out ip saddr 127.0.0.0/8 accept
add rule inet cluster in meta skgid @groups drop
add rule inet cluster out meta skgid @groups drop
add rule inet cluster in tcp dport @ports drop
add rule inet cluster out tcp sport @ports drop
add chain inet cluster run
add rule inet cluster out jump run
"""
# What makes a link slow, the best first: not every kernel has the first.
_SLOW = (
    ("netem", "delay", "200ms"),
    ("tbf", "rate", "256kbit", "burst", "8kb", "latency", "500ms"),
)


@dataclass(frozen=True)
class Host:
    """One of the machines: its address, and what stands before the commands that run on it."""

    name: str
    address: str
    prefix: tuple[str, ...] = ()


class Network(Protocol):
    """The hosts by their names, and what can be done to the lines between them."""

    hosts: dict[str, Host]
    untested: tuple[str, ...]

    def cut(self, one: str, others: Sequence[str]) -> None:
        """Let nothing through between one host and others, without a word to either side."""

    def isolate(self, one: str, group: int) -> None:
        """Let nothing through to or from the processes of one group of a host."""

    def isolate_process(self, one: str, process: psutil.Process) -> None:
        """Let nothing through to or from one process of a host."""

    def heal(self, one: str) -> None:
        """Let everything through again."""

    def slow(self, one: str, *, slowly: bool) -> None:
        """Make what leaves a host slow, or as fast as it was."""

    def processes(self, one: str) -> list[int]:
        """Return the processes that run on a host."""


class Namespaces:
    """Hosts that are network namespaces of this machine."""

    untested: tuple[str, ...]

    def __init__(self, names: Sequence[str], number: int) -> None:
        self._mark = f"{_OURS}{os.getpid()}"
        self._bridge = f"cb{os.getpid()}"
        self.untested = () if control_groups.root() else ("cut of a run",)
        net = f"10.77.{number}"
        self.hosts = {
            name: Host(name, f"{net}.{place}", ("ip", "netns", "exec", f"{self._mark}-{name}"))
            for place, name in enumerate(names, 11)
        }
        self._net = net

    def make(self) -> None:
        """Make the namespaces, and the bridge that joins them with this machine."""
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "addr", "add", f"{self._net}.1/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")
        for place, host in enumerate(self.hosts.values()):
            space, outer = f"{self._mark}-{host.name}", f"cv{os.getpid()}-{place}"
            _run("ip", "netns", "add", space)
            _run("ip", "link", "add", outer, "type", "veth", "peer", "eth0", "netns", space)
            _run("ip", "link", "set", outer, "master", self._bridge, "up")
            _run(*host.prefix, "ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
            _run(*host.prefix, "ip", "link", "set", "eth0", "up")
            _run(*host.prefix, "ip", "link", "set", "lo", "up")
            _run(*host.prefix, "nft", "-f", "-", stdin=_RULES)

    def remove(self) -> None:
        """Remove whatever was made of it."""
        for host in self.hosts.values():
            _run("ip", "netns", "del", f"{self._mark}-{host.name}", check=False)
        _run("ip", "link", "del", self._bridge, check=False)

    def cut(self, one: str, others: Sequence[str]) -> None:
        """Drop all packets between one host and others, on the one's side."""
        addresses = ", ".join(self.hosts[other].address for other in others)
        self._nft(one, "add", "element", "inet", "cluster", "cut", "{", addresses, "}")

    def isolate(self, one: str, group: int) -> None:
        """Drop all packets of these processes' sockets, those from the host itself included."""
        self._nft(one, "add", "element", "inet", "cluster", "groups", "{", str(group), "}")

    def isolate_process(self, one: str, process: psutil.Process) -> None:
        """Drop the packets of the sockets that it has, and of those that it makes."""
        group = f"{self._mark}-{one}"
        control_groups.join(group, process.pid)
        _run(*self.hosts[one].prefix, "sh", "-c", control_groups.RULE.format(name=group))
        found = {each.laddr for each in process.net_connections("tcp4") if each.raddr}
        ports = ", ".join(str(port) for address, port in found if not address.startswith("127."))
        if ports:
            self._nft(one, "add", "element", "inet", "cluster", "ports", "{", ports, "}")

    def heal(self, one: str) -> None:
        """Let everything through again."""
        for names in ("cut", "groups", "ports"):
            self._nft(one, "flush", "set", "inet", "cluster", names)
        self._nft(one, "flush", "chain", "inet", "cluster", "run")
        control_groups.dissolve(f"{self._mark}-{one}")

    def slow(self, one: str, *, slowly: bool) -> None:
        """Delay what leaves a host, or let it through slowly where the kernel cannot delay."""
        prefix = self.hosts[one].prefix
        if not slowly:
            _run(*prefix, "tc", "qdisc", "del", "dev", "eth0", "root", check=False)
            return
        for kind in _SLOW:
            if _run(*prefix, "tc", "qdisc", "add", "dev", "eth0", "root", *kind, check=False):
                return
        raise OSError("this kernel can make no link slow")

    def processes(self, one: str) -> list[int]:
        """Return the processes in its namespace."""
        space = f"{self._mark}-{one}"
        found = subprocess.run(  # noqa: S603 -- a name of our own
            ["ip", "netns", "pids", space],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(each) for each in found.stdout.split()]

    def _nft(self, one: str, *words: str) -> None:
        _run(*self.hosts[one].prefix, "nft", *words)


class Addresses:
    """Hosts that are addresses of the loopback interface: nothing can be cut there."""

    untested: tuple[str, ...] = ("cut", "cut of a run", "slow link", "host lost")

    def __init__(self, names: Sequence[str], number: int) -> None:
        self.hosts = {
            name: Host(name, f"127.77.{number}.{place}") for place, name in enumerate(names, 11)
        }

    def cut(self, one: str, others: Sequence[str]) -> None:
        """Refuse: nothing can be cut."""
        raise NotImplementedError(f"{one} cannot be cut off from {', '.join(others)}")

    def isolate(self, one: str, group: int) -> None:
        """Refuse: nothing can be cut."""
        raise NotImplementedError(f"no process of {one} can be cut off, such as those of {group}")

    def isolate_process(self, one: str, process: psutil.Process) -> None:
        """Refuse: nothing can be cut."""
        raise NotImplementedError(f"{process.pid} on {one} cannot be cut off")

    def heal(self, one: str) -> None:
        """Do nothing: nothing was cut."""

    def slow(self, one: str, *, slowly: bool) -> None:
        """Refuse: all hosts share one interface."""
        raise NotImplementedError(f"the link of {one} cannot be slow by itself")

    def processes(self, one: str) -> list[int]:
        """Refuse: they are not told apart."""
        raise NotImplementedError(f"the processes of {one} are not told apart from others")


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """Join hosts of these names for the length of the block."""
    if not allowed():
        yield Addresses(names, os.getpid() % _NETS)
        return
    _remove_left_over()
    made = Namespaces(names, _free_number())
    try:
        made.make()
        yield made
    finally:
        made.remove()


def allowed() -> bool:
    """Say whether this process may make network namespaces, and has the tools for it."""
    probe = f"{_OURS}{os.getpid()}-probe"
    try:
        if not _run("ip", "netns", "add", probe, check=False):
            return False
        try:
            return _run("ip", "netns", "exec", probe, "nft", "list", "ruleset", check=False)
        finally:
            _run("ip", "netns", "del", probe, check=False)
    except OSError:
        return False


def _free_number() -> int:
    """Return a net that no other cluster here has, or their parts would take ours for their own."""
    taken = {each.address for all_of in psutil.net_if_addrs().values() for each in all_of}
    first = os.getpid() % _NETS
    for number in chain(range(first, _NETS), range(first)):
        if f"10.77.{number}.1" not in taken:
            return number
    raise OSError(f"all {_NETS} nets of clusters are taken: end some of those that run here")


def _remove_left_over() -> None:
    """Remove the namespaces and bridges of clusters that were killed."""
    for space in Path("/run/netns").glob(f"{_OURS}*"):
        pid = space.name.removeprefix(_OURS).partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            _run("ip", "netns", "del", space.name, check=False)
    for bridge in Path("/sys/class/net").glob("cb*"):
        pid = bridge.name.removeprefix("cb")
        if pid.isdecimal() and not Path("/proc", pid).exists():
            _run("ip", "link", "del", bridge.name, check=False)


def _run(*command: str, stdin: str | None = None, check: bool = True) -> bool:
    done = subprocess.run(  # noqa: S603 -- commands of our own
        command, input=stdin, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.returncode == 0
