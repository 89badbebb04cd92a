"""The faults of the soak: what is done to which part, for how long, and how it is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import combinations
from random import Random
from typing import NamedTuple

from evaluation.cluster.cluster import HOSTS, Cluster
from evaluation.cluster.member import Member

_PAUSED_SECONDS = (5.0, 20.0)
_RESTARTED_SECONDS = (1.0, 4.0)  # what a host's supervisor takes
# A run whose host is away longer than its lease is taken for dead, and rightly so.
_CUT_SECONDS = (5.0, 20.0)
OURS = ("gateway", "controller", "prefect-api", "prefect-services", "worker")


class Fault(NamedTuple):
    """One fault; ``ends`` after so many seconds brings all back to work."""

    name: str
    begins: Callable[[], object]
    ends: Callable[[], object]
    seconds: float


def choose(made: Cluster, random: Random, only: str = "") -> Fault:
    """Draw a kind of fault, and then one of that kind; ``only`` is a part of the names to draw."""
    drawn = [[each for each in kind(made, random) if only in each.name] for kind in _KINDS]
    if not any(drawn):
        raise ValueError(f"no fault here is called {only!r}")
    return random.choice(random.choice([each for each in drawn if each]))


def heal(made: Cluster) -> None:
    """End whatever is left of any fault."""
    for host in made.net.hosts:
        made.net.heal(host)
        with suppress(NotImplementedError):
            made.net.slow(host, slowly=False)
    for member in made.members.values():
        member.fast()
        member.start()


def _kills(made: Cluster, random: Random) -> Iterator[Fault]:
    for member in _of(made, *OURS, "redis"):
        seconds = random.uniform(*_RESTARTED_SECONDS)
        yield Fault(f"kill -9 {member.name}", member.kill, member.start, seconds)


def _restarts(made: Cluster, random: Random) -> Iterator[Fault]:
    for member in _of(made, *OURS, "redis"):
        seconds = random.uniform(*_RESTARTED_SECONDS)
        yield Fault(f"restart {member.name}", member.stop, member.start, seconds)


def _pauses(made: Cluster, random: Random) -> Iterator[Fault]:
    for member in _of(made, *OURS, "redis"):
        seconds = random.uniform(*_PAUSED_SECONDS)
        yield Fault(f"pause {member.name}", member.pause, member.resume, seconds)


def _slowness(made: Cluster, random: Random) -> Iterator[Fault]:
    for member in _of(made, *OURS, "postgres"):
        seconds = random.uniform(*_PAUSED_SECONDS)
        yield Fault(f"ten times slower {member.name}", member.slow, member.fast, seconds)


def _cuts(made: Cluster, random: Random) -> Iterator[Fault]:
    if "cut" in made.net.untested:
        return
    for one, other in combinations(HOSTS, 2):
        seconds = random.uniform(*_CUT_SECONDS)
        begin, end = partial(made.net.cut, one, [other]), partial(made.net.heal, one)
        yield Fault(f"cut between {one} and {other}", begin, end, seconds)


def _crawls(made: Cluster, random: Random) -> Iterator[Fault]:
    if "slow link" in made.net.untested:
        return
    for host in ("one", "two", "three"):
        begin = partial(made.net.slow, host, slowly=True)
        end = partial(made.net.slow, host, slowly=False)
        yield Fault(f"slow link of {host}", begin, end, random.uniform(*_CUT_SECONDS))


def _losses(made: Cluster, random: Random) -> Iterator[Fault]:
    """Lose a host with all that runs there; that of the primary fails over."""
    if "host lost" in made.net.untested:
        return
    for host in ("one", "two", "three"):
        primary = made.databases.hosts[made.databases.primary].name == host
        begin = partial(_lose_primary, made, host) if primary else partial(made.lose, host)
        end = partial(_come_back, made, host, failed_over=primary)
        yield Fault(f"lose host {host}", begin, end, random.uniform(*_CUT_SECONDS))


def _failovers(made: Cluster, random: Random) -> Iterator[Fault]:
    name = f"postgres-{made.databases.primary + 1}"
    seconds = random.uniform(*_RESTARTED_SECONDS)
    yield Fault(f"failover from {name}", made.fail_over, made.follow_again, seconds)


def _lose_primary(made: Cluster, host: str) -> None:
    made.lose(host)
    made.fail_over()


def _come_back(made: Cluster, host: str, *, failed_over: bool) -> None:
    if failed_over:
        made.follow_again()
    for member in made.on(host):
        member.start()


def _of(made: Cluster, *kinds: str) -> list[Member]:
    return [each for each in made.members.values() if each.kind in kinds]


_KINDS = (_kills, _restarts, _pauses, _slowness, _cuts, _crawls, _losses, _failovers)
