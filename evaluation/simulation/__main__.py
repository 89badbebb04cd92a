"""``python -m evaluation.simulation``: a week with and without the guards, or many with them."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation.seeds import Search
from evaluation.simulation.table import show
from evaluation.simulation.week import simulate

POLICY = Path("deployments/policy.yaml")

app = App(name="simulation", result_action="return_value")


@app.default
def main(
    *,
    days: Annotated[float, Parameter(help="How many days.")] = 7,
    seed: Annotated[int, Parameter(help="Another seed is another week.")] = 1,
    seeds: Annotated[
        int | None,
        Parameter(
            help="Weeks of one seed after the other, from this one on, until the days are over;"
            " of one that fails the fewest events that do it, and the command that replays them."
        ),
    ] = None,
    only: Annotated[
        str | None, Parameter(help="These events of the week alone, by their numbers: 3,17.")
    ] = None,
    sweep: Annotated[
        bool, Parameter(help="Without the sweep of temporary changes it fails.")
    ] = True,
    chance: Annotated[
        bool, Parameter(help="Without chance there are only the situations that are set up.")
    ] = True,
) -> int:
    """Simulate, show one table and one line, and end with 1 if what must be 0 is not."""
    logging.getLogger("cct_ops").setLevel(logging.CRITICAL)  # the table counts what sweeps report
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as server,
    ):
        if seeds is not None:
            search = Search(server, POLICY, Console(), sweeps_changes=sweep, by_chance=chance)
            return 1 if search.through(days, seeds) else 0
        week = simulate(
            server,
            POLICY,
            days=days,
            seed=seed,
            only=None if only is None else [int(number) for number in only.split(",")],
            sweeps_changes=sweep,
            by_chance=chance,
        )
    return show(week, Console(), seconds=time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(app())
