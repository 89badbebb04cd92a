"""
``python -m evaluation.retention``: a long history is pruned while alerts come in.

One run takes place in a real stack; its rows are in Prefect's database so many times over then, all
older than Prefect keeps them, and as many deliveries are in the ledger. The stack is started, and
prunes, while alerts come in at a steady pace. It ends with 1 where an alert is lost, the gateway is
too slow, something is not deleted, or the account of the run is not what it was.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from evaluation.benchmarks.system import system
from evaluation.retention import pruning
from evaluation.retention.history import copy_run, fill_ledger, rows_of
from evaluation.retention.pruning import Pruned

MOST_P99_SECONDS = 0.5

app = App(help=__doc__, result_action="return_value")


@app.default
def main(
    *,
    runs: Annotated[int, Parameter(help="Old ones, in Prefect; as many alerts.")] = 1_000_000,
    with_events: Annotated[int, Parameter(help="Of them, with old events.")] = 10_000,
    tasks: Annotated[int | None, Parameter(help="Of each run at most; all by default.")] = None,
    per_second: Annotated[float, Parameter(help="Alerts, while it is pruned.")] = 20,
    at_least: Annotated[float, Parameter(help="Seconds of alerts; as many without.")] = 60,
    at_most: Annotated[float, Parameter(help="Seconds until it is given up.")] = 4 * 3600,
    folder: Annotated[
        Path | None,
        Parameter(help="Where the history is kept; one that is there already is not made again."),
    ] = None,
) -> int:
    """Take hours and some 70 GB as it is; less of each makes it shorter."""
    with ExitStack() as kept:
        place = folder or Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="retention-")))
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)  # PostgreSQL, as a user of its own, must come through
        one = pruning.made(place)
        if one is None:
            with system(place) as stack:
                one = pruning.a_run(stack)
            with pruning.databases(place) as (prefect, ledger):
                pruning.make_old(prefect, ledger, one, tasks)
                for table, rows in rows_of(prefect, one.run).items():
                    _say(f"a run has {rows} rows of {table}")
                copy_run(prefect, one.run, runs, with_events=with_events, say=_say)
                fill_ledger(ledger, runs, say=_say)
            pruning.keep(place, one)
        with system(place) as stack:
            found = pruning.prune(stack, one, per_second, (at_least, at_most), _say)
    return report(found)


def report(found: Pruned) -> int:
    """Print what was found, and return 1 where a goal is missed."""
    for name, seconds in found.took.items():
        _say(f"{name}: all old ones deleted after {seconds:.0f} s")
    for when, tally in (("while it was pruned", found.pruning), ("after", found.calm)):
        _say(
            f"{when}: {tally.accepted} of {tally.sent} alerts taken, median"
            f" {tally.percentile(0.5):.0f} ms, p99 {tally.percentile(0.99):.0f} ms,"
            f" worst {tally.percentile(1):.0f} ms"
        )
    for name, (before, after) in found.sizes.items():
        _say(f"{name}: {before / 2**20:.0f} MiB before, {after / 2**20:.0f} MiB after")
    _say(f"of the alerts taken {found.lost} are not stored; runs for the old alert: {found.runs}")
    wrong = [
        *(["alerts were lost"] if found.lost or found.pruning.given_up else []),
        *(
            ["the gateway was slow"]
            if found.pruning.percentile(0.99) > 1e3 * MOST_P99_SECONDS
            else []
        ),
        *(["the account is another one"] if found.before != found.after else []),
        *(["the alert of a deleted run began another one"] if found.runs != 1 else []),
        *(f"{name} are still there" for name in found.left),
    ]
    for each in wrong:
        _say(f"missed: {each}")
    return 1 if wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(app())
