"""The catalogue of faults: what can be done to which part of the cluster, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from random import Random

from evaluation.cluster import children, clocks, connections, lines, losses, processes
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import Fault
from evaluation.cluster.names import Kind, PartName

__all__ = ["PAIRS", "Fault", "catalogue", "draws", "heal", "untested"]

_PROCESSES: tuple[PartName, ...] = (
    "gateway",
    "controller",
    "worker",
    "prefect_api",
    "prefect_services",
    "postgresql",
    "redis",
)
_PARTS: Mapping[Kind, tuple[PartName, ...]] = {
    "kill -9": (*_PROCESSES, "child"),
    "pause 30 s": (*_PROCESSES, "child", "cct", "slack"),
    "ten times slower": (*_PROCESSES, "child", "cct", "slack"),
    "cut off": (*_PROCESSES, "child", "cct", "slack"),
    # A gateway keeps no file.
    "disk full": (*_PROCESSES[1:], "child"),
    # Redis does not start with a clock that is off, see there.
    "clock ±5 min": (*_PROCESSES[:-1], "child", "cct"),
    "restart": _PROCESSES,
    "memory lost": ("prefect_api", "prefect_services", "redis"),
    "connection pool exhausted": (*_PROCESSES, "child"),
}
# All that the catalogue of a whole cluster has, where nothing that it needs is missing.
PAIRS: tuple[tuple[PartName, Kind], ...] = tuple(
    (part, kind) for kind, parts in _PARTS.items() for part in parts
)
_FAMILIES: tuple[Callable[[Cluster, Random], Iterator[Fault]], ...] = (
    processes.kills,
    processes.restarts,
    processes.pauses,
    processes.short_pauses,
    processes.slowness,
    children.faults_of_children,
    losses.full_disks,
    losses.lost_memories,
    clocks.wrong_clocks,
    connections.exhaustions,
    lines.cuts,
    lines.cuts_between_hosts,
    lines.crawls,
    lines.losses,
    lines.failovers,
)


def catalogue(made: Cluster, random: Random) -> list[Fault]:
    """Return all that can be done to this cluster here and now; ``random`` decides how long."""
    return [fault for family in _FAMILIES for fault in family(made, random)]


def draws(made: Cluster, random: Random, only: str = "") -> Iterator[Fault]:
    """
    Draw a part and a kind of fault, and then one of these, for ever.

    None comes again before each has come once. ``only`` is a part of the names to draw from.
    """
    had = set[tuple[str, str]]()
    while True:
        able = [each for each in catalogue(made, random) if only in each.name]
        if not able:
            raise ValueError(f"no fault here is called {only!r}")
        pairs = {pair: list(those) for pair, those in groupby(sorted(able, key=_pair), _pair)}
        if had.issuperset(pairs):
            had.clear()
        drawn = random.choice([pair for pair in pairs if pair not in had])
        had.add(drawn)
        yield random.choice(pairs[drawn])


def untested(made: Cluster) -> tuple[str, ...]:
    """Return what cannot be done here, by a few words for each."""
    disks = () if made.disks.limited else ("full disk",)
    wrong_clocks = () if clocks.library() else ("clock that is off, for want of faketime",)
    return (*made.net.untested, *disks, *wrong_clocks)


def heal(made: Cluster) -> None:
    """End whatever is left of any fault."""
    made.disks.clear_all()
    for host in made.net.hosts:
        made.net.heal(host)
        with suppress(NotImplementedError):
            made.net.slow(host, slowly=False)
    for member in made.members.values():
        member.fast()
        if member.before:
            clocks.set_right(member)
        member.start()
    made.sandbox.set_off(0)
    connections.admit_all(made.databases, made.members)


def _pair(fault: Fault) -> tuple[str, str]:
    """Return part and kind; what is of no cell is drawn by the first word of its name."""
    return fault.part or "", fault.kind or fault.name.partition(" ")[0]
