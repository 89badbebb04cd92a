"""``python -m evaluation.simulation``: a week with and without the guards, side by side."""

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
from evaluation.simulation.table import show
from evaluation.simulation.week import simulate

app = App(name="simulation", result_action="return_value")


@app.default
def main(
    *,
    days: Annotated[float, Parameter(help="How many days.")] = 7,
    seed: Annotated[int, Parameter(help="Another seed is another week.")] = 1,
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
        week = simulate(
            server,
            Path("deployments/policy.yaml"),
            days=days,
            seed=seed,
            sweeps_changes=sweep,
            by_chance=chance,
        )
    return show(week, Console(), seconds=time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(app())
