"""One fault: what begins it, what ends it, and which cells of the matrix of claims it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from evaluation.cluster.cluster import Cluster
from evaluation.cluster.member import Member
from evaluation.cluster.names import Kind, PartName


class Fault(NamedTuple):
    """
    One fault; ``ends`` after so many seconds brings all back to work.

    One with neither part nor kind is of no cell: a lost host, a failover, nginx that is away.
    """

    part: PartName | None
    kind: Kind | None
    name: str
    begins: Callable[[], object]
    ends: Callable[[], object]
    seconds: float


# Processes of the cluster, without their numbers. nginx is no part: a team may well have another;
# CCT and Slack are what is between the parts and the sandbox.
PART_OF: Mapping[str, PartName] = {
    "gateway": "gateway",
    "controller": "controller",
    "worker": "worker",
    "prefect-api": "prefect_api",
    "prefect-services": "prefect_services",
    "postgres": "postgresql",
    "redis": "redis",
    "cct": "cct",
    "slack": "slack",
}


def with_runs(member: Member, fault: Fault) -> Iterator[Fault]:
    """Yield a fault of a process, and that of its runs: they have whatever their worker has."""
    yield fault
    if member.kind == "worker":
        name = fault.name.replace(member.name, f"child of {member.name}")
        yield fault._replace(part="child", name=name)


def those_of(made: Cluster, *kinds: str) -> list[Member]:
    """Return the processes of these kinds that this cluster has."""
    return [each for each in made.members.values() if each.kind in kinds]
