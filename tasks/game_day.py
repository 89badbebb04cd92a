"""The drills of a game day, in a process of their own that cannot reach the real CCT."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from prefect.artifacts import create_table_artifact

from cct_ops.child_process import ended
from cct_ops.errors import SteadyStateNotReached
from cct_ops.models.game_day import DrillResult, GameDayDiagnosis
from cct_ops.scenarios.every import DRILLED
from tasks.showing import Progress

REGISTRY = Path("prefect.yaml")
if TYPE_CHECKING:
    Drilled = str
else:  # the form offers those that have a drill
    Drilled = Literal[*DRILLED]
STOP_SECONDS = 60.0


def drill(playbooks: tuple[Drilled, ...]) -> GameDayDiagnosis:
    """
    Drill these playbooks, or all that have a drill, and show a table of what still works.

    Raises ``SteadyStateNotReached`` when the drills' own stack did not come up or died.
    """
    known = _playbooks()
    progress = Progress.of("Game day")
    results = []
    for result in _results(playbooks):
        results.append(result)
        progress.at(100 * len(results) / (len(playbooks) or len(known)))
    drilled = {result.playbook for result in results}
    undrilled = () if playbooks else tuple(name for name in known if name not in drilled)
    create_table_artifact(
        key="game-day-drills",
        description=f"What still works: {sum(each.works for each in results)} of {len(results)}.",
        table=[
            {
                "playbook": each.playbook,
                "seeded": each.seeded,
                "works": "yes" if each.works else "NO",
                "ended": each.ended,
                "seconds": round(each.seconds, 1),
                "problem": each.problem or "",
            }
            for each in results
        ]
        + [{"playbook": name, "works": "no drill"} for name in undrilled],
    )
    return GameDayDiagnosis.of(tuple(results), undrilled)


def _results(playbooks: tuple[str, ...]) -> Iterator[DrillResult]:
    command = [sys.executable, "-m", "cct_ops.game_day", *playbooks]
    with subprocess.Popen(  # noqa: S603 -- our own module; it knows its own drills only
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 -- for the type checker: they are pipes
        assert process.stderr is not None  # noqa: S101
        with ended(process, STOP_SECONDS):
            for line in process.stdout:
                yield DrillResult.model_validate_json(line)
            said = process.stderr.read().strip().splitlines()
            if process.wait() != 0:
                last = said[-1] if said else "it said nothing"
                raise SteadyStateNotReached(f"The drills ended early: {last}")


def _playbooks() -> list[str]:
    """Return all playbooks in the registry but this one."""
    entries = yaml.safe_load(REGISTRY.read_text())["deployments"]
    names = [entry["name"] for entry in entries if "playbook" in entry["tags"]]
    return [name for name in names if name != GameDayDiagnosis.playbook]
