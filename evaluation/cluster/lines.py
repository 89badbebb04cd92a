"""Faults of the network and of whole hosts: cuts, slow links, lost hosts, a failover."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from random import Random

from evaluation.cluster.cluster import HOSTS, Cluster
from evaluation.cluster.fault import PART_OF, Fault
from evaluation.cluster.processes import RESTARTED_SECONDS

# A run whose host is away longer than its lease is taken for dead, and rightly so.
_CUT_SECONDS = (5.0, 20.0)


def cuts(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield for each process that nothing reaches it and nothing that it says gets through."""
    if "cut" in made.net.untested:
        return
    for member in made.members.values():
        if member.kind == "sandbox":
            continue  # it says what became of CCT; what plays CCT and Slack is before it
        part = PART_OF.get(member.kind)
        yield Fault(
            part,
            part and "cut off",
            f"cut off {member.name}",
            partial(made.net.isolate, member.host.name, member.group),
            partial(made.net.heal, member.host.name),
            random.uniform(*_CUT_SECONDS),
        )


def cuts_between_hosts(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield a cut between each two hosts."""
    if "cut" in made.net.untested:
        return
    for one, other in combinations(HOSTS, 2):
        seconds = random.uniform(*_CUT_SECONDS)
        begin, end = partial(made.net.cut, one, [other]), partial(made.net.heal, one)
        yield Fault(None, None, f"cut between {one} and {other}", begin, end, seconds)


def crawls(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield a slow link of each host that has parts of ours."""
    if "slow link" in made.net.untested:
        return
    for host in ("one", "two", "three"):
        begin = partial(made.net.slow, host, slowly=True)
        end = partial(made.net.slow, host, slowly=False)
        seconds = random.uniform(*_CUT_SECONDS)
        yield Fault(None, None, f"slow link of {host}", begin, end, seconds)


def losses(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield the loss of each host with all that runs there; that of the primary fails over."""
    if "host lost" in made.net.untested:
        return
    for host in ("one", "two", "three"):
        primary = made.databases.hosts[made.databases.primary].name == host
        begin = partial(_lose_primary, made, host) if primary else partial(made.lose, host)
        end = partial(_come_back, made, host, failed_over=primary)
        yield Fault(None, None, f"lose host {host}", begin, end, random.uniform(*_CUT_SECONDS))


def failovers(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield that the standby takes over from a primary that is gone."""
    name = f"postgres-{made.databases.primary + 1}"
    seconds = random.uniform(*RESTARTED_SECONDS)
    yield Fault(None, None, f"failover from {name}", made.fail_over, made.follow_again, seconds)


def _lose_primary(made: Cluster, host: str) -> None:
    made.lose(host)
    made.fail_over()


def _come_back(made: Cluster, host: str, *, failed_over: bool) -> None:
    if failed_over:
        made.follow_again()
    for member in made.on(host):
        member.start()
