"""Faults of clocks: a part is started anew five minutes ahead or behind, by Debian's faketime."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from random import Random

from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import PART_OF, Fault, those_of, with_runs
from evaluation.cluster.member import Member
from evaluation.cluster.names import Kind

OFF_SECONDS = 300
_SECONDS = (20.0, 30.0)
# Not Redis: its allocator asks for the time before faketime can answer, and it does not start.
_PARTS = ("gateway", "controller", "worker", "prefect-api", "prefect-services", "postgres")
_KIND: Kind = "clock ±5 min"


@cache
def library() -> Path | None:
    """Return faketime's library; None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


def wrong_clocks(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield for each part that its clock is off for a while; a run has the clock of its worker."""
    for member in those_of(made, *_PARTS) if library() else ():
        by, seconds = random.choice((OFF_SECONDS, -OFF_SECONDS)), random.uniform(*_SECONDS)
        begins, ends = partial(set_off, member, by), partial(set_right, member)
        name = f"clock {by:+} s of {member.name}"
        fault = Fault(PART_OF[member.kind], _KIND, name, begins, ends, seconds)
        yield from with_runs(member, fault)
    if those_of(made, "cct"):
        by, seconds = random.choice((OFF_SECONDS, -OFF_SECONDS)), random.uniform(*_SECONDS)
        begins, ends = partial(made.sandbox.set_off, by), partial(made.sandbox.set_off, 0)
        yield Fault("cct", _KIND, f"clock {by:+} s of cct", begins, ends, seconds)


def set_off(member: Member, seconds: int) -> None:
    """Start it anew with a clock that is so far from the right one."""
    found = library()
    if found is None:
        raise NotImplementedError(f"the clock of {member.name} stays right: no faketime here")
    member.stop()
    member.before = (
        "env",
        f"LD_PRELOAD={found}",
        f"FAKETIME={seconds:+}",
        "DONT_FAKE_MONOTONIC=1",  # a clock that is off still goes on steadily
        "NO_FAKE_STAT=1",
    )
    member.start()


def set_right(member: Member) -> None:
    """Start it anew with the clock that all others have."""
    member.stop()
    member.before = ()
    member.start()
