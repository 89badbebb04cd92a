"""Runs the cluster under each load and takes what every part used of the machine meanwhile."""

from __future__ import annotations

import asyncio
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, LiteralString

import psutil

from cct_ops.beside import beside
from evaluation.capacity.latency import Stages, stages_of
from evaluation.capacity.loads import KNOWN, LOADS, Load, Runs, Sender, known_thing
from evaluation.capacity.spent import Connected, Spent, connections, spent
from evaluation.cluster.cluster import Cluster, cluster
from evaluation.cluster.config import KEY
from evaluation.cluster.member import Member
from evaluation.cluster.work import FOR_EVER
from evaluation.soak import bodies
from evaluation.soak.load import Tally, Target, send

_SETTLE_SECONDS = 5.0  # Prefect writes its events down a little later; statistics come as late
_CONNECTIONS_EVERY_SECONDS = 2.0
_NO_PACE = 1e9
_PENDING = "select count(*) from dispatches where state = 'pending'"
_BATCHES = "select count(distinct xmin::text) from deliveries where received_at >= %s"
_OPENED = "select count(*) from incidents where opened_at >= %s"
# By delivery; a transaction that has several wakes controllers once.
_OPENINGS = "select count(distinct opened_at) from incidents where opened_at >= %s"


@dataclass(frozen=True)
class Measured:
    """One load, and what was seen while it lasted and until its runs had ended."""

    load: Load
    seconds: float
    counts: Mapping[str, float]
    spent: Spent
    connections: Mapping[str, int]
    stages: Stages
    accepted_milliseconds: Mapping[str, float]
    cores_left: float
    """The cores that others on this machine left to the cluster and its sender."""

    def row(self) -> dict[str, Any]:
        """Return it as it stands in the file of results."""
        return {
            "load": asdict(self.load),
            "seconds": round(self.seconds, 1),
            "counts": dict(self.counts),
            "cpu": {part: round(used, 3) for part, used in sorted(self.spent.cpu.items())},
            "commits": dict(self.spent.commits),
            "bytes": dict(self.spent.bytes),
            "connections": dict(self.connections),
            "stages": self.stages.row(),
            "accepted_milliseconds": dict(self.accepted_milliseconds),
            "cores_left": round(self.cores_left, 2),
        }


def measure(names: Iterable[str] = (), logs: Path | None = None) -> Iterator[dict[str, Any]]:
    """Measure under all loads, or those of these names; yields what each adds to the results."""
    chosen = [load for load in LOADS if not set(names) or load.name in set(names)]
    with ExitStack() as stack:
        if logs is None:
            folder = tempfile.TemporaryDirectory(prefix="cct-ops-capacity-")
            logs = Path(stack.enter_context(folder))
        logs.mkdir(parents=True, exist_ok=True)
        made = stack.enter_context(cluster(logs))
        for each in _measured(made, chosen, known(made)):
            yield {
                "measured_on": datetime.now(UTC).date().isoformat(),
                "machine": f"{psutil.cpu_count()} cores, Linux {platform.release()}",
                "phases": [each.row()],
            }


def known(made: Cluster) -> datetime:
    """Open the incidents that are alerted about again and again; returns since when they are."""
    since = datetime.now(UTC)
    things = [known_thing(number, since) for number in range(KNOWN)]
    sent = iter([bodies.body(things[n : n + 20], f"first-{n}") for n in range(0, KNOWN, 20)])
    asyncio.run(send(Target.at(made.hook, KEY), sent, per_second=5, retries=FOR_EVER))
    settle(made)
    return since


def settle(made: Cluster, seconds: float = 240) -> None:
    """Wait until the controllers have nothing to do, and others have written down what they did."""
    until = time.monotonic() + seconds
    with made.databases.connect(made.databases.primary, "cct_ops") as connection:
        while connection.execute(_PENDING).fetchone() != (0,) and time.monotonic() < until:
            time.sleep(0.5)
    time.sleep(_SETTLE_SECONDS)


def _measured(made: Cluster, chosen: Iterable[Load], since: datetime) -> Iterator[Measured]:
    workers = [each for each in made.members.values() if each.kind == "worker"]
    most, watch = max(load.workers for load in chosen), 5
    workers += [_another(made, workers[-1], number) for number in range(len(workers) + 1, most + 1)]
    for load in chosen:
        for number, worker in enumerate(workers, 1):
            if number > load.workers or watch != load.watch_seconds:
                worker.stop()
            worker.env = {**worker.env, "CCT_OPS_WATCH_SECONDS": str(load.watch_seconds)}
        for worker in workers[: load.workers]:
            worker.start()
        for worker in workers[: load.workers]:
            worker.wait_until_well()
        watch = load.watch_seconds
        time.sleep(_SETTLE_SECONDS)
        sys.stderr.write(f"{load.name}: {load.seconds:.0f} s\n")
        yield Measurement(made, load, since).take()


def _another(made: Cluster, like: Member, number: int) -> Member:
    """Add a worker beside another one on its host, as if it were on one of its own."""
    name = f"worker-{number}"
    env = {"HOSTNAME": f"host-{number}", "PREFECT_HOME": str(made.folder / f"home-{number}")}
    worker = replace(like, name=name, env={**like.env, **env}, log=made.folder / f"{name}.log")
    worker.well = partial(worker.printed, "started!")
    made.members[name] = worker
    return worker


@dataclass
class Measurement:
    """One load while it goes on."""

    made: Cluster
    load: Load
    since: datetime
    held: list[dict[str, Connected]] = field(default_factory=list)
    accepting_seconds: float = 0.0

    def take(self) -> Measured:
        """
        Let the load go on for its time, wait for its runs, and see what was used.

        Raises ``TimeoutError`` where some do not end: figures of such runs would be those of
        something else.
        """
        random = Random(7)  # noqa: S311 -- a load, no secret
        sender, runs = Sender(self.load, random, self.since), Runs(self.made, self.load, random)
        began_at, asked = datetime.now(UTC), len(self.made.sandbox.requests())
        before, began = spent(self.made), time.monotonic()
        with beside(self._note):
            tally = self._go_on(sender, runs)
            settle(self.made)
        if open_still := runs.open():
            raise TimeoutError(f"{self.load.name}: {open_still} runs have no account")
        used, seconds = spent(self.made).since(before), time.monotonic() - began
        ours = sum(used.cpu.values())
        stages = stages_of(self.made, f"run-{self.load.name}-")
        return Measured(
            load=self.load,
            seconds=seconds,
            counts={
                "deliveries": tally.accepted + runs.deliveries,
                "alerts": sender.alerts + runs.deliveries,
                "batches": self._count_of(_BATCHES, began_at),
                "openings": self._count_of(_OPENINGS, began_at),
                "incidents": self._count_of(_OPENED, began_at) - len(runs.all),
                "runs": len(runs.all),
                "cct_requests": len(self.made.sandbox.requests()) - asked,
                "retried": tally.retried,
                "seconds_accepting": round(self.accepting_seconds, 2),
            },
            spent=used,
            connections=_most(self.held),
            stages=stages,
            accepted_milliseconds={
                "median": round(tally.percentile(0.5), 1),
                "p99": round(tally.percentile(0.99), 1),
            },
            cores_left=(psutil.cpu_count() or 1) - (used.busy - ours) / seconds,
        )

    def _go_on(self, sender: Sender, runs: Runs) -> Tally:
        tally = Tally()

        def come_in(over: threading.Event) -> None:
            began = time.monotonic()
            paced, connections = self.load.paced, self.load.connections
            sent = send(
                Target.at(self.made.hook, KEY),
                sender.bodies(over),
                per_second=self.load.deliveries if paced else _NO_PACE,
                connections=connections,
                retries=FOR_EVER,
                most_waiting=100_000 if paced else 1,
            )
            vars(tally).update(vars(asyncio.run(sent)))
            self.accepting_seconds = time.monotonic() - began

        with ExitStack() as stack:
            if self.load.runs:
                stack.enter_context(beside(runs.run))
                stack.enter_context(beside(runs.watch))
            if self.load.deliveries or not self.load.paced:
                stack.enter_context(beside(come_in))  # last: it ends while runs go on
            time.sleep(self.load.seconds)
        return tally

    def _note(self, over: threading.Event) -> None:
        while not over.wait(_CONNECTIONS_EVERY_SECONDS):
            self.held.append(connections(self.made))

    def _count_of(self, rows: LiteralString, since: datetime) -> int:
        with self.made.databases.connect(self.made.databases.primary, "cct_ops") as connection:
            row = connection.execute(rows, [since]).fetchone()
        return int(row[0]) if row else 0


def _most(held: Iterable[Mapping[str, Connected]]) -> dict[str, int]:
    """Return the most connections of each member, of one run, and how many runs held any."""
    most: dict[str, int] = {"one run": 0, "runs at once": 0}
    for each in held:
        runs = [count for member in each.values() for count in member.runs]
        most["one run"] = max([most["one run"], *runs])
        most["runs at once"] = max(most["runs at once"], len(runs))
        for name, member in each.items():
            most[name] = max(most.get(name, 0), member.own)
    return most
