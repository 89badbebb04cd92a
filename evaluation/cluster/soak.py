"""``python -m evaluation.cluster.soak``: a fault every 20 to 40 s, and how the claims held."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import takewhile
from pathlib import Path
from random import Random
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from evaluation.cluster import faults, results
from evaluation.cluster.cluster import missing
from evaluation.cluster.episodes import PER_BODY
from evaluation.cluster.fault import Fault
from evaluation.cluster.findings import Counts
from evaluation.cluster.rounds import Draw, Round, on_a_cluster
from evaluation.cluster.stopping import stopped_by_signals
from evaluation.cluster.windows import Bench
from evaluation.cluster.work import Load, Work

app = App(name="cluster-soak", result_action="return_value")
_APART_SECONDS = (20.0, 40.0)


@app.default
def run(
    *,
    minutes: Annotated[float, Parameter(help="How long faults happen.")] = 60,
    seed: Annotated[int, Parameter(help="Decides about the faults and the pages.")] = 1,
    per_second: Annotated[float, Parameter(help="Alerts.")] = 20,
    every: Annotated[float, Parameter(help="Seconds between incidents for a playbook.")] = 10,
    only: Annotated[str, Parameter(help="A part of the names of faults, such as failover.")] = "",
    file: Annotated[Path, Parameter(name="--results")] = results.RESULTS,
    logs: Annotated[Path | None, Parameter(help="A folder that is kept; else none is.")] = None,
) -> int:
    """Let the cluster work under faults, heal it, wait until all is done, and judge."""
    if without := missing():
        sys.stderr.write(f"cluster-soak: not installed: {', '.join(without)}\n")
        return 2
    with ExitStack() as stack:
        if logs is None:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cct-ops-soak-")))
        logs.mkdir(parents=True, exist_ok=True)
        stop = stack.enter_context(stopped_by_signals())
        random = Random(seed)  # noqa: S311 -- faults, no secret
        apart = partial(random.uniform, *_APART_SECONDS)
        job = Round(seed, file, logs, Load(per_second, every), stop, apart=apart)
        bench, work = on_a_cluster(job, logs, _at_random(minutes * 60, random, only))
    _show(job, bench, work)
    return 0 if Counts.of(job.findings).all_zero() and not job.failed else 1


def _at_random(seconds: float, random: Random, only: str) -> Draw:
    """Draw faults for so long."""

    def draw(bench: Bench) -> Iterator[Fault]:
        until = time.monotonic() + seconds
        return takewhile(lambda _: time.monotonic() < until, faults.draws(bench.made, random, only))

    return draw


def _show(job: Round, bench: Bench, work: Work) -> None:
    """Print the faults, and one line of counts."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table("at", "fault", "lasted", "longest answer", "all well after")
    for each in bench.windows:
        well = "never" if each.well_after is None else f"{each.well_after:.0f} s"
        table.add_row(
            f"{(each.began - bench.windows[0].began).total_seconds():.0f} s",
            each.fault.name,
            f"{each.lasted:.0f} s",
            f"{each.longest_answer:.1f} s",
            well,
        )
    console.print(table)
    outcomes = Counter((each.work, str(each.outcome)) for each in work.episodes.all)
    ended = ", ".join(f"{work} {how} {n}" for (work, how), n in sorted(outcomes.items()))
    (tally,) = work.tallies
    console.print(
        f"{len(bench.windows)} faults; {tally.sent * PER_BODY:,} alerts in {tally.sent:,}"
        f" deliveries, {tally.accepted:,} accepted, {tally.retried} repeated,"
        f" p50 {tally.percentile(0.5):.0f} ms, p99 {tally.percentile(0.99):.0f} ms"
    )
    console.print(f"{len(work.episodes.all)} incidents for a playbook: {ended}")
    if untested := faults.untested(bench.made):
        console.print(f"cannot be tried here: {', '.join(untested)}")
    for why in job.failed:
        console.print(f"came to nothing: {why}")
    for finding in job.findings:
        console.print(f"{finding.at:%H:%M:%S} broken: {finding.claim}. {finding.what}")
    console.print(str(Counts.of(job.findings)))


if __name__ == "__main__":
    sys.exit(app())
