"""A round of faults on a cluster that works: one start, one end, and all claims judged."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from evaluation.cluster import faults, protections, results
from evaluation.cluster.cluster import cluster
from evaluation.cluster.fault import Fault
from evaluation.cluster.findings import Finding
from evaluation.cluster.names import Claim, Phase
from evaluation.cluster.protections import Protection
from evaluation.cluster.results import Broken, Met, Pair, Without, pair_id
from evaluation.cluster.windows import APART_SECONDS, Bench, Window
from evaluation.cluster.work import DRAIN_SECONDS, Load, Work, at_work

_JUDGED_AFTER = 10  # windows: then what is settled by then is written
_ACCOUNTS = 3  # of runs, before the first fault: then some stand in every phase
_FIRST_ACCOUNTS_SECONDS = 180.0
_SAID = timedelta(seconds=60)
# Without a protection some have no account ever, and others are to come.
_GIVEN_UP_SECONDS = 45.0
_APART_WITHOUT_SECONDS = 40.0  # so that several changes are made in the time of each fault

Draw = Callable[[Bench], Iterator[Fault]]
"""The faults of a cluster, one after the other; each is over when the next one is asked for."""


@dataclass
class Round:
    """What was asked for, and what came of it so far."""

    seed: int
    file: Path
    logs: Path
    load: Load
    stop: threading.Event
    revision: str = field(default_factory=results.revision)
    away: tuple[Protection, ...] = ()
    drain_seconds: float = DRAIN_SECONDS
    apart: Callable[[], float] = lambda: APART_SECONDS
    met: list[Met] = field(default_factory=list)
    seen: list[Without] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    impossible: list[Pair] = field(default_factory=list)

    def fails(self, what: str, why: object) -> None:
        """Say at once, and at the end again, that a fault came to nothing."""
        self.failed.append(f"{what}: {why}")
        _say(self.failed[-1])


def on_clusters(job: Round, pairs: Sequence[Pair]) -> list[Pair]:
    """
    Hurt these pairs, on as many clusters as it takes: one that does not recover is left.

    Returns those that it did not come to because it was stopped.
    """
    left, number = list(pairs), 0
    while left and not job.stop.is_set():
        number += 1
        bench, _ = on_a_cluster(job, _folder(job.logs, f"cluster-{number}"), _in_turn(job, left))
        hurt = {window.pair for window in bench.windows if not window.cut_short}
        left = [pair for pair in left if pair not in hurt and pair not in job.impossible]
    return left


def without(job: Round, away: Sequence[Protection], pairs: Sequence[Pair]) -> None:
    """Take one protection after the other away, and see what breaks under the faults."""
    for each in away:
        if not job.stop.is_set():
            logs = _folder(job.logs, each.name.replace(" ", "-"))
            without_any(replace(job, logs=logs), [each], [*(pairs or each.pairs)] * each.times)


def without_any(job: Round, away: Sequence[Protection], pairs: Sequence[Pair]) -> None:
    """Take these protections away at once, and see what breaks under each of the faults."""
    wanted = replace(
        job,
        away=tuple(away),
        load=replace(
            job.load, rivals=max(each.rivals for each in away), given_up_seconds=_GIVEN_UP_SECONDS
        ),
        drain_seconds=max(each.drain_seconds for each in away),
        apart=lambda: _APART_WITHOUT_SECONDS,
    )
    on_clusters(wanted, pairs)


def on_a_cluster(job: Round, folder: Path, draw: Draw) -> tuple[Bench, Work]:
    """
    Let these faults come over one cluster, until they are over or it does not recover; judge it.

    From the beginning of one to that of the next it is the job's ``apart`` seconds at least.
    """
    source = protections.source(job.away, folder) if job.away else None
    random = Random(job.seed)  # noqa: S311 -- a load, no secret
    with cluster(folder, source=source) as made:
        with at_work(made, random, job.load, job.drain_seconds) as work:
            bench = Bench(made, work.probe, made.ledger(), job.stop)
            _say("the cluster is up")
            _warm_up(work, job)
            for fault in draw(bench):
                if not _hurt(job, bench, fault) or job.stop.is_set():
                    break
                if len(bench.windows) % _JUDGED_AFTER == 0:
                    _record(job, bench, work, drained=False)
            _say("no more is begun, and what was is seen to its end")
        _record(job, bench, work, drained=True)
    return bench, work


def _in_turn(job: Round, pairs: Sequence[Pair]) -> Draw:
    """Draw one fault of each pair."""

    def draw(bench: Bench) -> Iterator[Fault]:
        for pair in pairs:
            random = Random(f"{job.seed} {pair}")  # noqa: S311 -- faults, no secret
            able = [
                each
                for each in faults.catalogue(bench.made, random)
                if (each.part, each.kind) == pair
            ]
            if able:
                yield random.choice(able)
            else:
                job.impossible.append(pair)
                job.fails(pair_id(*pair), "cannot be done here")

    return draw


def _hurt(job: Round, bench: Bench, fault: Fault) -> bool:
    """Hurt the cluster once; false where it does not come back from it."""
    _say(f"{fault.name} for {fault.seconds:.0f} s")
    try:
        window = bench.hurt(fault, job.apart())
    except Exception as error:  # noqa: BLE001 -- it is printed, and the other faults still come
        bench.windows[-1].failed = True
        job.fails(fault.name, f"{type(error).__name__}: {error}")
        return bench.heal()
    if window.well_after is not None or job.stop.is_set():
        return True
    job.fails(fault.name, f"not well again: {', '.join(bench.unwell()) or 'senders wait'}")
    return bench.heal()


def _warm_up(work: Work, job: Round) -> None:
    """Wait until the first runs have their accounts; without a protection they may have none."""
    until = time.monotonic() + _FIRST_ACCOUNTS_SECONDS
    while work.ended() < _ACCOUNTS and not job.stop.wait(1):
        if time.monotonic() > until:
            if not job.away:
                raise TimeoutError("no run came to its end before anything was hurt")
            return


def _record(job: Round, bench: Bench, work: Work, *, drained: bool) -> None:
    """Write down what is settled: all of it in the end, and before that what is long over."""
    if job.away and not drained:
        return
    found = work.judge([window.hurt for window in bench.windows])
    # What is before that has come to its end, and so have the messages about it.
    before = None if drained else work.oldest_open(datetime.now(UTC)) - _SAID
    settled = [window for window in bench.windows if window.is_settled(before)]
    by_pair: dict[Pair, list[Window]] = {}
    for window in settled:
        if window.pair is not None:
            by_pair.setdefault(window.pair, []).append(window)
    if job.away:
        seen = [
            _without(job, each, pair, those, found)
            for each in job.away
            for pair, those in by_pair.items()
        ]
        job.seen += seen
        results.add(job.file, without=seen)
        return
    new = [_met(job, pair, windows, found) for pair, windows in by_pair.items()]
    known = {each.pair: each for each in job.met}
    for each in new:
        if each.broken and (each.pair not in known or not known[each.pair].broken):
            _say(f"{pair_id(*each.pair)}: {each.broken[0].what}")
    job.met[:] = (known | {each.pair: each for each in new}).values()
    results.add(job.file, pairs=new)
    if drained:
        job.findings += found


def _met(job: Round, pair: Pair, windows: Sequence[Window], found: Sequence[Finding]) -> Met:
    """Put together what came of a pair, each time that it was hurt."""
    last, well = windows[-1], [each.well_after for each in windows]
    longest = [each for each in well if each is not None]
    phases, exposures = Counter[Phase](), Counter[Claim]()
    for each in windows:
        phases.update(each.phases)
        exposures.update(each.exposures)
    return Met(
        part=pair[0],
        kind=pair[1],
        fault=", ".join(dict.fromkeys(each.fault.name for each in windows)),
        day=last.began.date(),
        revision=job.revision,
        seed=job.seed,
        lasted_seconds=round(max(each.lasted for each in windows), 1),
        recovery_seconds=round(max(longest), 1) if len(longest) == len(well) else None,
        longest_answer_seconds=round(max(each.longest_answer for each in windows), 1),
        phases=dict(phases),
        exposures=dict(exposures),
        broken=_broken(windows, found),
    )


def _without(
    job: Round, away: Protection, pair: Pair, windows: Sequence[Window], found: Sequence[Finding]
) -> Without:
    broken = _broken(windows, [each for each in found if each.claim == away.claim])
    return Without(
        protection=away.name,
        claim=away.claim,
        part=pair[0],
        kind=pair[1],
        day=windows[-1].began.date(),
        revision=job.revision,
        times=len(broken),
        what=broken[0].what if broken else "",
    )


def _broken(windows: Sequence[Window], found: Sequence[Finding]) -> tuple[Broken, ...]:
    laid = (finding for window in windows for finding in window.findings(found))
    return tuple(Broken(claim=each.claim, what=each.what) for each in laid)


def _folder(above: Path, name: str) -> Path:
    """Make a folder that PostgreSQL's user can pass through."""
    made = above / name
    made.mkdir(parents=True, exist_ok=True)
    above.chmod(0o711)
    return made


def _say(what: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S}  {what}\n")
