"""``python -m soak``: floods, kills and outages against real parts, and what they left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

from cyclopts import App, Parameter

from soak import jobs, runs
from soak.parts import Ledger, ledger
from soak.report import Row, show

app = App(name="soak", result_action="return_value")

Job = Callable[[Ledger, int], Row]

JOBS: dict[str, Job] = {
    "floor": lambda made, seconds: jobs.floor(made, seconds=seconds),
    "flood": lambda made, seconds: jobs.flood(made, seconds=seconds),
    "kills": lambda made, seconds: jobs.kills(
        made, deliveries=max(500, 160 * seconds), times=max(3, seconds // 3), things=2000
    ),
    "same": lambda made, _: jobs.same(made, copies=200, things=50),
    "outage": lambda made, seconds: runs.outage(
        made, things=5 * seconds, seconds=seconds, times=max(3, seconds // 2)
    ),
    "storm": lambda made, seconds: runs.storm(made, things=20_000 * seconds // 60, seconds=seconds),
    "restore": lambda made, _: runs.restore(made, things=60),
}


@app.default
def soak(
    *,
    seconds: Annotated[int, Parameter(help="How long each job sends.")] = 60,
    job: Annotated[list[str] | None, Parameter(help=f"One or more of: {', '.join(JOBS)}.")] = None,
) -> int:
    """Run the jobs one after the other, each on a ledger of its own, and count."""
    chosen = job or list(JOBS)
    if unknown := sorted(set(chosen) - JOBS.keys()):
        print(f"soak: there is no job {', '.join(unknown)}", file=sys.stderr)
        return 2
    rows = []
    for name in chosen:
        print(f"soak: {name} …", file=sys.stderr, flush=True)
        with ledger() as made:
            rows.append(JOBS[name](made, seconds))
    return 0 if show(rows) else 1


if __name__ == "__main__":
    sys.exit(app())
