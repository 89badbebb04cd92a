"""``python -m evaluation.capacity``: measure the cluster, ask the model, and keep both."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from evaluation.capacity import results
from evaluation.capacity.check import TOLERANCE, check
from evaluation.capacity.day import ASKED, through
from evaluation.capacity.figures import figures_of
from evaluation.capacity.fit import BYTES, COMMITS, costs
from evaluation.capacity.installation import Day, Limits
from evaluation.capacity.loads import LOADS
from evaluation.capacity.measure import measure
from evaluation.cluster.cluster import missing

app = App(name="capacity", result_action="return_value")


@app.default
def run(
    *,
    only: Annotated[tuple[str, ...], Parameter(help="Measure these loads alone.")] = (),
    without: Annotated[bool, Parameter(help="Measure nothing; ask the model anew.")] = False,
    logs: Annotated[Path | None, Parameter(help="A folder that is kept; else none is.")] = None,
) -> int:
    """Measure, model and compare; it takes about twenty minutes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left behind
    names = {load.name for load in LOADS}
    if unknown := set(only) - names:
        sys.stderr.write(f"capacity: no load is named {'; '.join(sorted(unknown))}:")
        sys.stderr.write(f" they are {'; '.join(sorted(names))}\n")
        return 2
    kept = results.read()
    if not without:
        if lacking := missing():
            sys.stderr.write(f"capacity: not installed: {', '.join(lacking)}\n")
            return 2
        try:
            for measured in measure(only, logs):
                kept = results.with_measured(kept, measured)
                results.write(kept)
        except TimeoutError as endless:
            sys.stderr.write(f"capacity: {endless}\n")
            return 1
    measured_as = [phase["load"] for phase in kept["phases"]]  # a load may have become another
    if lacking_loads := [load.name for load in LOADS if asdict(load) not in measured_as]:
        sys.stderr.write(f"capacity: not measured so far: {'; '.join(lacking_loads)}\n")
        return 2
    return model(kept)


def model(kept: results.Results) -> int:
    """Ask the model about the day and the loads that were not fitted, and keep what it says."""
    figures, day = figures_of(kept["phases"]), Day()
    compared = check(kept["phases"], figures)
    kept["costs"] = {
        "cpu": figures.cpu,
        "bytes": costs(kept["phases"], "bytes", BYTES),
        "commits": costs(kept["phases"], "commits", COMMITS),
        "requests": dict(figures.requests),
    }
    kept["stages"] = dict(figures.stages) | {"commit": figures.commit_seconds}
    kept["day"] = vars(day) | {
        "calm": day.calm,
        "busiest": day.busiest,
        "opening": day.opening,
        "watch_seconds": Limits().watch_seconds,
    }
    kept["asked"] = [through(made, day, figures) for made in ASKED]
    kept["check"] = [each.row() for each in compared]
    results.write(kept)
    for each in compared:
        sys.stdout.write(
            f"{each.load}: {each.what}: predicted {each.predicted:.3g},"
            f" measured {each.measured:.3g}, {each.off:+.0%}\n"
        )
    return 0 if all(abs(each.off) <= TOLERANCE for each in compared) else 1


if __name__ == "__main__":
    sys.exit(app())
