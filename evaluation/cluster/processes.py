"""Faults of a process: it is killed, restarted, paused, or gets a tenth of its time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import PART_OF, Fault, those_of
from evaluation.cluster.member import Member

RESTARTED_SECONDS = (1.0, 4.0)  # the time that a host's supervisor takes
SHORTLY_SECONDS = (5.0, 20.0)
PAUSED_SECONDS = 30.0
_OURS = ("gateway", "controller", "prefect-api", "prefect-services", "worker")
_ALL = (*_OURS, "postgres", "redis")
_OUTSIDE = ("cct", "slack")


def kills(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield a kill -9 of each; of PostgreSQL with the processes that have its memory."""
    for member in those_of(made, *_ALL, "nginx"):
        part = PART_OF.get(member.kind)
        begins = partial(member.kill, with_children=part == "postgresql")
        seconds = random.uniform(*RESTARTED_SECONDS)
        yield Fault(
            part, part and "kill -9", f"kill -9 {member.name}", begins, member.start, seconds
        )


def restarts(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield a restart in order of each."""
    for member in those_of(made, *_ALL):
        seconds = random.uniform(*RESTARTED_SECONDS)
        name = f"restart {member.name}"
        yield Fault(PART_OF[member.kind], "restart", name, member.stop, member.start, seconds)


def pauses(made: Cluster, _random: Random) -> Iterator[Fault]:
    """Yield a pause of each, as long as is claimed to do no harm."""
    for member in those_of(made, *_ALL, *_OUTSIDE):
        yield Fault(PART_OF[member.kind], "pause 30 s", *_paused(member, PAUSED_SECONDS))


def short_pauses(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield shorter ones, which meet other limits of time."""
    for member in those_of(made, *_ALL, "nginx", *_OUTSIDE):
        yield Fault(None, None, *_paused(member, random.uniform(*SHORTLY_SECONDS)))


def slowness(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield for each that it gets a tenth of its time."""
    for member in those_of(made, *_ALL, *_OUTSIDE):
        seconds, name = random.uniform(*SHORTLY_SECONDS), f"ten times slower {member.name}"
        part = PART_OF[member.kind]
        yield Fault(part, "ten times slower", name, member.slow, member.fast, seconds)


def _paused(member: Member, seconds: float) -> tuple[str, partial[None], partial[None], float]:
    name = f"pause {seconds:.0f} s {member.name}"
    return name, partial(member.pause), partial(member.resume), seconds
