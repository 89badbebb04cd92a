"""A round of faults on a cluster that works: one start, one end, and all claims judged."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from cct_ops.beside import beside
from evaluation.cluster import faults, results
from evaluation.cluster.cluster import cluster
from evaluation.cluster.episodes import Episodes
from evaluation.cluster.findings import Finding
from evaluation.cluster.people import Person
from evaluation.cluster.probe import Probe
from evaluation.cluster.protections import Protection
from evaluation.cluster.results import Broken, Met, Pair, Without, pair_id
from evaluation.cluster.soak import Load, drain, judge, sending
from evaluation.cluster.windows import Bench, Window

_JUDGED_AFTER = 10  # windows: then what is settled by then is written
_ACCOUNTS = 3  # of runs, before the first fault: then some stand in every phase
_FIRST_ACCOUNTS_SECONDS = 180.0


@dataclass
class Round:
    """What was asked for, and what came of it so far."""

    seed: int
    file: Path
    logs: Path
    load: Load
    stop: threading.Event
    revision: str = field(default_factory=results.revision)
    away: Protection | None = None
    drain_seconds: float = 300.0
    met: list[Met] = field(default_factory=list)
    seen: list[Without] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    impossible: list[Pair] = field(default_factory=list)

    def fails(self, pair: Pair, why: object) -> None:
        """Say at once, and at the end again, that a pair came to nothing."""
        self.failed.append(f"{pair_id(*pair)}: {why}")
        sys.stderr.write(f"claims: {self.failed[-1]}\n")


def on_clusters(job: Round, pairs: Sequence[Pair]) -> list[Pair]:
    """
    Hurt these pairs, on as many clusters as it takes: one that does not recover is left.

    Returns those that it did not come to because it was stopped.
    """
    left, number = list(pairs), 0
    while left and not job.stop.is_set():
        number += 1
        folder = job.logs / f"cluster-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        left = _on_one(job, left, folder)
    return left


def without(job: Round, away: Sequence[Protection], pairs: Sequence[Pair]) -> None:
    """Take one protection after the other away, and see what breaks under the faults."""
    for protection in away:
        if job.stop.is_set():
            return
        logs = job.logs / protection.name.replace(" ", "-")
        alone = replace(job, away=protection, logs=logs, drain_seconds=protection.drain_seconds)
        on_clusters(alone, pairs or protection.pairs)


def _on_one(job: Round, pairs: Sequence[Pair], folder: Path) -> list[Pair]:
    left = list(pairs)
    source = job.away.source(folder) if job.away else None
    with cluster(folder, source=source) as made:
        random = Random(job.seed)  # noqa: S311 -- a load, no secret
        episodes = Episodes(made.sandbox, made.ledger(), job.load.every_seconds, random)
        probe = Probe(made.hook)
        bench = Bench(made, probe, made.ledger(), job.stop)
        with beside(Person(made.sandbox, random).run):
            with beside(episodes.run), beside(probe.run), sending(made, episodes, job.load):
                _say(f"{folder.name} is up")
                _warm_up(episodes, job)
                while left and not job.stop.is_set():
                    recovers = _hurt(job, bench, left[0])
                    if job.stop.is_set():
                        break
                    left.pop(0)
                    if not recovers:
                        break
                    if len(bench.windows) % _JUDGED_AFTER == 0:
                        oldest = _oldest_open(episodes)
                        found = judge(made, episodes, bench.hurts(), over=False)
                        _record(job, bench, found, oldest)
            drain(made, episodes, job.drain_seconds)
        _record(job, bench, judge(made, episodes, bench.hurts()), None)
    return left


def _hurt(job: Round, bench: Bench, pair: Pair) -> bool:
    """Hurt one pair; false where the cluster does not come back from it."""
    random = Random(f"{job.seed} {pair}")  # noqa: S311 -- faults, no secret
    able = [each for each in faults.catalogue(bench.made, random) if (each.part, each.kind) == pair]
    if not able:
        job.impossible.append(pair)
        job.fails(pair, "cannot be done here")
        return True
    fault = random.choice(able)
    _say(f"{fault.name} for {fault.seconds:.0f} s")
    try:
        if bench.hurt(fault).well_after is not None:
            return True
        job.fails(pair, f"not well again: {', '.join(bench.unwell())}")
    except Exception as error:  # noqa: BLE001 -- it is printed, and the other pairs are still hurt
        bench.windows[-1].failed = True
        job.fails(pair, f"{type(error).__name__}: {error}")
    return bench.heal()


def _say(what: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S}  {what}\n")


def _warm_up(episodes: Episodes, job: Round) -> None:
    """Wait until the first runs have their accounts."""
    until = time.monotonic() + _FIRST_ACCOUNTS_SECONDS
    while sum(each.outcome is not None for each in list(episodes.all)) < _ACCOUNTS:
        if job.away is None and time.monotonic() > until:  # without a protection none may end
            raise TimeoutError("no run came to its end before anything was hurt")
        if job.stop.wait(1) or time.monotonic() > until:
            return


def _oldest_open(episodes: Episodes) -> datetime:
    return min((each.began_at for each in episodes.open()), default=datetime.now(UTC))


def _record(job: Round, bench: Bench, found: Sequence[Finding], before: datetime | None) -> None:
    """Write down what is settled: windows that ended ``before``, or all of them."""
    settled = [
        window
        for window in bench.windows
        if not window.failed
        and (before is None or (window.until is not None and window.until < before))
    ]
    known = {pair_id(*each.pair) for each in job.met}
    if job.away is not None:
        if before is not None:
            return
        job.seen += (seen := [_without(job, job.away, each, found) for each in settled])
        results.add(job.file, without=seen)
        return
    new = [_met(job, each, found) for each in settled]
    job.met[:] = [each for each in job.met if each.pair not in {one.pair for one in new}] + new
    results.add(job.file, pairs=new)
    for each in new:
        if pair_id(*each.pair) not in known and each.broken:
            sys.stderr.write(f"claims: {pair_id(*each.pair)}: {each.broken[0].what}\n")


def _met(job: Round, window: Window, found: Sequence[Finding]) -> Met:
    return Met(
        part=window.pair[0],
        kind=window.pair[1],
        fault=window.fault.name,
        day=window.began.date(),
        revision=job.revision,
        seed=job.seed,
        lasted_seconds=round(window.lasted, 1),
        recovery_seconds=None if window.well_after is None else round(window.well_after, 1),
        longest_answer_seconds=round(window.longest_answer, 1),
        phases=window.phases,
        exposures=window.exposures,
        broken=_broken(window, found),
    )


def _without(job: Round, away: Protection, window: Window, found: Sequence[Finding]) -> Without:
    return Without(
        protection=away.name,
        claim=away.claim,
        part=window.pair[0],
        kind=window.pair[1],
        day=window.began.date(),
        revision=job.revision,
        broken=_broken(window, found),
    )


def _broken(window: Window, found: Sequence[Finding]) -> tuple[Broken, ...]:
    return tuple(Broken(claim=each.claim, what=each.what) for each in window.findings(found))
