"""``python -m evaluation.soak``: floods, kills and outages on real parts, and what they left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from cyclopts import App, Parameter

from evaluation.soak import jobs, rules, runs, twins
from evaluation.soak.parts import Ledger, ledger
from evaluation.soak.report import Row, show

app = App(name="soak", result_action="return_value")

LOG_CHARACTERS = 1500

Job = Callable[[Ledger, int], Row]

# What is measured has the machine to itself.
ALONE: dict[str, Job] = {
    "floor": lambda made, seconds: jobs.floor(made, seconds=max(3, seconds // 4)),
    "flood": lambda made, seconds: jobs.flood(made, seconds=seconds),
    "slow": lambda made, seconds: jobs.slow(made, connections=500, seconds=max(5, seconds // 3)),
    "same": lambda made, _: jobs.same(made, copies=200, things=50),
    "kills": lambda made, seconds: runs.kills(
        made, deliveries=max(500, 10_000 * seconds // 60), times=max(3, seconds // 3), things=2000
    ),
    "burst": lambda made, seconds: runs.burst(made, things=20_000 * seconds // 60, seconds=seconds),
}
# What mostly waits, goes on two at a time: the long outage with its like, and the rest.
OUTAGE: dict[str, Job] = {
    "outage": lambda made, seconds: runs.outage(
        made, things=10 * seconds, seconds=5 * seconds, times=max(3, seconds // 6)
    ),
    "alertmanager": lambda made, seconds: twins.alertmanager(made, away_seconds=seconds),
}
BESIDE: dict[str, Job] = {
    "restore": lambda made, _: runs.restore(made, things=60),
    "rules": lambda made, seconds: rules.check(made, share=min(1, seconds / 60)),
}
JOBS = ALONE | OUTAGE | BESIDE


@app.default
def soak(
    *,
    seconds: Annotated[int, Parameter(help="60 is the whole of it; less makes all shorter.")] = 60,
    job: Annotated[list[str] | None, Parameter(help=f"One or more of: {', '.join(JOBS)}.")] = None,
) -> int:
    """Run the jobs, each on a ledger of its own, and count."""
    chosen = job or list(JOBS)
    if unknown := sorted(set(chosen) - JOBS.keys()):
        print(f"soak: there is no job {', '.join(unknown)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    try:
        _one_by_one([name for name in ALONE if name in chosen], seconds, rows)
        with ThreadPoolExecutor(2) as lanes:
            waiting = [
                lanes.submit(_one_by_one, [name for name in lane if name in chosen], seconds, rows)
                for lane in (OUTAGE, BESIDE)
            ]
        for each in waiting:
            each.result()
    finally:
        good = show(sorted(rows, key=lambda row: list(JOBS).index(row.job)))  # after an error too
    return 0 if good else 1


def _one_by_one(names: Sequence[str], seconds: int, rows: list[Row]) -> None:
    for name in names:
        began = time.monotonic()
        print(f"soak: {name} …", file=sys.stderr, flush=True)
        with ledger() as made:
            row = JOBS[name](made, seconds)
            rows.append(row)
            if row.lost or row.doubled:
                _show_logs(made)
        took = time.monotonic() - began
        print(f"soak: {name} took {took:.0f} s", file=sys.stderr, flush=True)


def _show_logs(made: Ledger) -> None:
    """Show how the logs end: the folder is not kept."""
    for log in sorted({*made.folder.glob("*.log")} - {made.folder / "initdb.log"}):
        end = log.read_text(errors="replace")[-LOG_CHARACTERS:]
        print(f"soak: the end of {log.name}\n{end}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(app())
