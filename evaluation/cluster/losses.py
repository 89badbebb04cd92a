"""Faults of what a part keeps: its disk is full, or all that it had in memory is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from random import Random

from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import PART_OF, Fault, those_of, with_runs
from evaluation.cluster.member import Member
from evaluation.cluster.processes import RESTARTED_SECONDS, SHORTLY_SECONDS

_WITH_DISKS = ("controller", "worker", "prefect-api", "prefect-services", "postgres", "redis")


def full_disks(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield a full disk of each part that keeps files; runs have that of their worker."""
    for member in those_of(made, *_WITH_DISKS) if made.disks.limited else ():
        begins = partial(made.disks.fill, member.name)
        ends = partial(_empty, made, member)
        seconds, part = random.uniform(*SHORTLY_SECONDS), PART_OF[member.kind]
        name = f"disk full {member.name}"
        yield from with_runs(member, Fault(part, "disk full", name, begins, ends, seconds))


def lost_memories(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield that all of Prefect's servers of a kind die at once, and that Redis is empty."""
    for kind in ("prefect-api", "prefect-services"):
        if members := those_of(made, kind):
            begins, ends = partial(_kill, members), partial(_start, members)
            seconds, name = random.uniform(*RESTARTED_SECONDS), f"memory lost of every {kind}"
            yield Fault(PART_OF[kind], "memory lost", name, begins, ends, seconds)
    for member in those_of(made, "redis"):
        seconds = random.uniform(*RESTARTED_SECONDS)
        begins = partial(_forget, made, member)
        yield Fault("redis", "memory lost", "memory lost of redis", begins, member.start, seconds)


def _empty(made: Cluster, member: Member) -> None:
    """Make room, and start what could not live without it."""
    made.disks.clear(member.name)
    member.start()


def _kill(members: list[Member]) -> None:
    for member in members:
        member.kill()


def _start(members: list[Member]) -> None:
    for member in members:
        member.start()


def _forget(made: Cluster, member: Member) -> None:
    member.kill()
    shutil.rmtree(made.disks.of(member.name) / "appendonlydir")
