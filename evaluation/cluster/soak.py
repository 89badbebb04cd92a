"""``python -m evaluation.cluster.soak``: a fault every 20 to 40 s, and how the claims held."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from cct_ops.beside import beside
from evaluation.cluster import faults
from evaluation.cluster.cluster import Cluster, cluster, missing
from evaluation.cluster.config import KEY
from evaluation.cluster.episodes import PER_BODY, Episodes
from evaluation.cluster.findings import Counts, Finding
from evaluation.cluster.history import is_settled
from evaluation.cluster.judge import Judge
from evaluation.cluster.people import Person
from evaluation.cluster.probe import Probe
from evaluation.cluster.temporary import Hurt
from evaluation.soak.load import Tally, Target, send

app = App(name="cluster-soak", result_action="return_value")
_FOR_EVER = 1_000_000
_RECOVERY_SECONDS = 120.0
_DRAIN_SECONDS = 400.0


@dataclass(frozen=True)
class Seen:
    """One fault as it went: when it began, how long senders waited, and when all was well again."""

    at: float
    name: str
    began: datetime
    lasted: float
    longest_answer: float
    well_after: float | None

    @property
    def hurt(self) -> Hurt:
        """The time from its beginning until all was well again."""
        well = _RECOVERY_SECONDS if self.well_after is None else self.well_after
        return Hurt(self.began, self.began + timedelta(seconds=self.lasted + well))


@app.default
def run(
    *,
    minutes: Annotated[float, Parameter(help="How long faults happen.")] = 60,
    seed: Annotated[int, Parameter(help="Decides about the faults and the pages.")] = 1,
    per_second: Annotated[float, Parameter(help="Alerts.")] = 20,
    every: Annotated[float, Parameter(help="Seconds between incidents for a playbook.")] = 10,
    only: Annotated[str, Parameter(help="A part of the names of faults, such as failover.")] = "",
    logs: Annotated[Path | None, Parameter(help="A folder that is kept; else none is.")] = None,
) -> int:
    """Let the cluster work under faults, heal it, wait until all is done, and judge."""
    if without := missing():
        sys.stderr.write(f"cluster-soak: not installed: {', '.join(without)}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left behind
    with ExitStack() as stack:
        if logs is None:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cct-ops-soak-")))
        logs.mkdir(parents=True, exist_ok=True)
        made = stack.enter_context(cluster(logs))
        load = Load(per_second, every)
        result = soak(made, minutes * 60, Random(seed), load, only)  # noqa: S311 -- faults, no secret
    _show(result, made)
    return 0 if result.counts.all_zero() else 1


@dataclass(frozen=True)
class Load:
    """So many alerts a second, and so many seconds between incidents for a playbook."""

    per_second: float
    every_seconds: float


@dataclass(frozen=True)
class Result:
    """All that the soak found."""

    findings: list[Finding]
    seen: list[Seen]
    tally: Tally
    episodes: Episodes

    @property
    def counts(self) -> Counts:
        """How many claims were broken, by claim."""
        return Counts.of(self.findings)


def soak(made: Cluster, seconds: float, random: Random, load: Load, only: str = "") -> Result:
    """Hurt a cluster for so long while alerts come in; returns what became of all of it."""
    episodes = Episodes(made.sandbox, made.ledger(), load.every_seconds, random)
    probe = Probe(made.hook)
    person = Person(made.sandbox, random)
    with beside(person.run):
        with beside(episodes.run), beside(probe.run), sending(made, episodes, load) as tallies:
            seen = list(_hurt(made, probe, seconds, random, only))
        drain(made, episodes)
    findings = judge(made, episodes, [each.hurt for each in seen])
    return Result(findings, seen, tallies[0], episodes)


@contextmanager
def sending(made: Cluster, episodes: Episodes, load: Load) -> Iterator[list[Tally]]:
    """Send beside the block what is not accepted again and again; the tally is there after it."""
    tallies, place = list[Tally](), urlsplit(made.hook)
    address = str(place.hostname), int(place.port or 80)
    target = Target(lambda: address, place.path, KEY)

    def come_in(over: threading.Event) -> None:
        bodies, pace = episodes.bodies(over), load.per_second / PER_BODY
        sent = send(target, bodies, per_second=pace, connections=16, retries=_FOR_EVER)
        tallies.append(asyncio.run(sent))

    with beside(come_in):
        yield tallies


def judge(
    made: Cluster, episodes: Episodes, hurts: Sequence[Hurt] = (), *, over: bool = True
) -> list[Finding]:
    """Hold all that was accepted, written and said against the ledger; ``over`` as Judge has it."""
    sandbox = made.sandbox
    writes, messages = sandbox.writes(), sandbox.slack_messages()
    controlled = any(each.kind == "controller" for each in made.members.values())
    rows = made.ledger(), writes, messages, episodes.all, episodes.sent(), hurts
    return Judge(*rows, controlled=controlled, over=over).findings()


def _hurt(made: Cluster, probe: Probe, seconds: float, random: Random, only: str) -> Iterator[Seen]:
    """Let one fault follow another, and end with all of them healed."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        rest = random.uniform(20, 40)
        at = time.monotonic()
        fault = faults.choose(made, random, only)
        sys.stderr.write(f"{at - began:6.0f} s  {fault.name} for {fault.seconds:.0f} s\n")
        now = datetime.now(UTC)
        fault.begins()
        time.sleep(fault.seconds)
        fault.ends()
        lasted = time.monotonic() - at
        well = _recovery(made, probe, at, time.monotonic())
        yield Seen(at - began, fault.name, now, lasted, probe.longest_since(at), well)
        time.sleep(max(0.0, at + rest - time.monotonic()))
    faults.heal(made)


def _recovery(made: Cluster, probe: Probe, began: float, ended: float) -> float | None:
    """Wait until all is well and senders are answered at once; returns the seconds since then."""
    while time.monotonic() < ended + _RECOVERY_SECONDS:
        if all(each.is_well() for each in made.members.values()) and probe.is_quick_since(began):
            return time.monotonic() - ended
        for member in made.members.values():
            member.start()  # as a host's supervisor does with what has died by itself
        time.sleep(0.5)
    return None


def drain(made: Cluster, episodes: Episodes, seconds: float = _DRAIN_SECONDS) -> None:
    """Wait until all runs have an account, all is said, and nothing temporary stands."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        episodes.look()
        if not episodes.open() and is_settled(made.ledger()):
            return
        time.sleep(1)


def _show(result: Result, made: Cluster) -> None:
    """Print the faults, and one line of counts."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table("at", "fault", "lasted", "longest answer", "all well after")
    for each in result.seen:
        well = "never" if each.well_after is None else f"{each.well_after:.0f} s"
        table.add_row(
            f"{each.at:.0f} s",
            each.name,
            f"{each.lasted:.0f} s",
            f"{each.longest_answer:.1f} s",
            well,
        )
    console.print(table)
    outcomes = Counter((each.work, str(each.outcome)) for each in result.episodes.all)
    ended = ", ".join(f"{work} {how} {n}" for (work, how), n in sorted(outcomes.items()))
    tally = result.tally
    console.print(
        f"{len(result.seen)} faults; {tally.sent * PER_BODY:,} alerts in {tally.sent:,} deliveries,"
        f" {tally.accepted:,} accepted, {tally.retried} repeated,"
        f" p50 {tally.percentile(0.5):.0f} ms, p99 {tally.percentile(0.99):.0f} ms"
    )
    console.print(f"{len(result.episodes.all)} incidents for a playbook: {ended}")
    if made.net.untested:
        console.print(f"not tried, for want of namespaces: {', '.join(made.net.untested)}")
    for finding in result.findings:
        console.print(f"{finding.at:%H:%M:%S} broken: {finding.claim}. {finding.what}")
    console.print(str(result.counts))


if __name__ == "__main__":
    sys.exit(app())
