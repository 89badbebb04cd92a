"""
``python -m evaluation.benchmarks.way``: the way of a repair, stage by stage.

A stage is the time between two marks that the ledger, Prefect and the sink make anyway. For each it
tells how long it was, the CPU time that each part of the stack used meanwhile, and how often the
ledger, Prefect's server and CCT were asked: by PostgreSQL's log and by sinks before the other two.
Whatever the parts do beside it is counted where it falls, less what they do while nothing happens.
"""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import sqlalchemy as sa
from cyclopts import App, Parameter

from cct_ops.beside import beside
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.sandbox.control import SandboxControl
from evaluation.benchmarks.processes import Processes
from evaluation.benchmarks.sides import ROUTE, Alert
from evaluation.benchmarks.starts import on_the_wall, states
from evaluation.benchmarks.system import PROBES, System, awaited, incident_of, seconds_of, system
from evaluation.benchmarks.tables import markdown

_WARM_UP = 2
_STATES = 3  # of a run: Pending, Running, and the one in which it ends
_REST_SECONDS = 10.0
_AFTER_SECONDS = 3.0
_STATEMENT = re.compile(r"(\S+ \S+) UTC \[\d+\] cct_ops LOG:  (?:statement|execute)\b")
STAGES = {
    "answered": "the door checks and stores the alert, and answers",
    "notified": "the controller has Prefect make the run and notifies the worker",
    "claimed": "the worker claims it (Pending)",
    "running": "its process begins (Running)",
    "looked": "the first look",
    "planned": "conclude and plan",
    "locked": "guards and the target's lock",
    "looked_again": "the look under the lock",
    "written": "the permit; the write arrives at CCT",
    "read_back": "its answer, and the read-back",
    "verified": "the watch after the change",
    "ended": "the report and the end",
    "over": f"written down after the end, within {_AFTER_SECONDS:g} s",
}
GOALS = {
    "to first_get": "**POST to the first GET at CCT**",
    "to written": "**POST to the first write at CCT**",
    "to verified": "**POST to verified**",
}
Way = Mapping[str, Mapping[str, float]]
PARTS = ("gateway", "controller", "worker", "run", "prefect", "postgres")

app = App(help=__doc__)


@app.default
def main(
    *,
    count: Annotated[int, Parameter(help="Repairs.")] = 10,
    keep: Annotated[Path | None, Parameter(help="A file for the numbers.")] = None,
    before: Annotated[Path | None, Parameter(help="Such a file, to stand beside them.")] = None,
) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-way-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # PostgreSQL, as a user of its own, must come through
        found = measure(place, count)
    if keep is not None:
        keep.write_text(json.dumps(found))
    print(table(found, None if before is None else json.loads(before.read_text())))


def measure(folder: Path, count: int) -> Way:
    """Repair the canary so many times; returns what each stage and a second of rest cost."""
    with system(folder, watched=True) as stack, SandboxControl(stack.urls["cct"]) as sandbox:
        watch = _Watch(stack)
        with beside(watch.processes.sample):
            marked = [_repair(stack, sandbox) for _ in range(_WARM_UP + count)][_WARM_UP:]
            rest = time.time()
            time.sleep(_REST_SECONDS)
        ways = [watch.stages(marks, run) for marks, run in marked]
        idle = watch.spent(rest, rest + _REST_SECONDS)
    second = {name: each / _REST_SECONDS for name, each in idle.items()}
    return {name: beyond_idleness([way[name] for way in ways], second) for name in ways[0]} | {
        "rest": second
    }


class _Watch:
    """Knows what was spent at which time."""

    def __init__(self, stack: System) -> None:
        self.processes = Processes(stack.guards)
        self._stack = stack

    def stages(self, marks: Mapping[str, float], run: int) -> Way:
        """Return what each stage cost, and the way to the marks that people wait for."""
        began, found = marks["posted"], {}
        for stage in STAGES:
            found[stage] = self.spent(began, max(began, marks[stage]), run)
            began = max(began, marks[stage])
        for goal in GOALS:
            found[goal] = self.spent(marks["posted"], marks[goal.removeprefix("to ")], run)
        return found

    def spent(self, began: float, ended: float, run: int = 0) -> dict[str, float]:
        """Return what was spent between two times."""

        def within(times: Iterator[float]) -> int:
            return sum(began <= each < ended for each in times)

        offset = on_the_wall(0)
        asked = self._stack.prefect_journal.since(began - offset)
        looked = self._stack.journal.since(began - offset)
        cpu = self.processes.used(began, ended, run)
        return {
            "seconds": ended - began,
            **{f"CPU of {part}, ms": 1000 * cpu[part] for part in PARTS},
            "statements": within(statements(self._stack.config.data / "logs" / "postgres.log")),
            "requests to Prefect": within(each.at + offset for each in asked),
            "requests to CCT": within(each.at + offset for each in looked),
        }


def statements(log: Path) -> Iterator[float]:
    """Return when each statement came to the ledger."""
    with log.open(errors="replace") as lines:
        for line in lines:
            if found := _STATEMENT.match(line):
                yield datetime.fromisoformat(f"{found[1]}+00:00").timestamp()


def _repair(stack: System, sandbox: SandboxControl) -> tuple[dict[str, float], int]:
    """Have the canary repaired, and ask nothing meanwhile; returns its marks and its process."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    time.sleep(1)
    posted = time.monotonic()
    answer = stack.side("").post(stack.http, Alert("Repair", uuid4().hex))
    answered = time.monotonic()
    marks = {
        "posted": posted,
        "answered": answered,
        "first_get": stack.journal.first(posted).at,
        "written": stack.journal.first(posted, writes=True).at,
    }
    awaited(lambda: _states(stack, posted) >= _STATES, 120, "an end of the repair")
    time.sleep(_AFTER_SECONDS + 0.5)
    run = stack.run_of(incident_of(answer))
    if (state := stack.ended(run)) != "COMPLETED":
        raise RuntimeError(f"The benchmark's repair ended as {state}.")
    known = stack.api("GET", f"/flow_runs/{run}")
    marks = {name: on_the_wall(at) for name, at in marks.items()} | _recorded(stack, run)
    marks["ended"] = seconds_of(known["end_time"])
    return marks | {"over": marks["ended"] + _AFTER_SECONDS}, int(known["infrastructure_pid"])


def _states(stack: System, began: float) -> int:
    """Return how many states a run has come into since then, without a question to anybody."""
    asked = Counter(each.target for each in stack.prefect_journal.since(began))
    return max((asked[each] for each in asked if each.endswith("/set_state")), default=0)


def _recorded(stack: System, run: UUID) -> dict[str, float]:
    """Return the marks that the ledger and Prefect have made."""
    with stack.ledger.connect() as connection:
        notified = connection.execute(
            sa.select(dispatches.c.finished_at).where(dispatches.c.flow_run_id == run)
        ).scalar_one()
    logged = awaited(lambda: _story(stack, run), 60, f"a log of run {run}")
    probes = stack.probes(run, count=2 * PROBES)
    first = [each for each in probes if each[0] < logged["Planned"]]
    again = [each for each in probes if each[0] >= logged["Planned"]]
    at = states(stack, run)
    return {
        "notified": notified.timestamp(),
        "claimed": at["Pending"],
        "running": at["Running"],
        "looked": max(end for _, end in first),
        "planned": logged["Planned"],
        "locked": min(start for start, _ in again),
        "looked_again": max(end for _, end in again),
        "read_back": logged["Done"],
        "verified": logged["Verified"],
    }


def _story(stack: System, run: UUID) -> dict[str, float] | None:
    """Return when the run has logged what; nothing before all of it is there."""
    wanted = {"logs": {"flow_run_id": {"any_": [str(run)]}}, "limit": 200}
    lines = stack.api("POST", "/logs/filter", wanted)
    found = {line["message"].partition(":")[0]: seconds_of(line["timestamp"]) for line in lines}
    return found if {"Planned", "Done", "Verified"} <= found.keys() else None


def beyond_idleness(
    measured: Sequence[Mapping[str, float]], second: Mapping[str, float]
) -> dict[str, float]:
    """Return the median time, and averages of the rest: what the stage took beyond idleness."""
    seconds = [each["seconds"] for each in measured]
    return {
        name: statistics.median(seconds)
        if name == "seconds"
        else max(
            0.0,
            statistics.mean(each[name] for each in measured)
            - statistics.mean(seconds) * second[name],
        )
        for name in second
    }


def table(way: Way, before: Way | None = None) -> str:
    """Return it in Markdown, each number behind the one from before if there is one."""
    names = STAGES | GOALS | {"rest": "a second in which nothing happens"}
    kinds = list(way["rest"])

    def cell(stage: str, kind: str) -> str:
        both = (way,) if before is None else (before, way)
        form = ".3f" if kind == "seconds" else ".1f" if kind.startswith("requests") else ".0f"
        return " → ".join(f"{each[stage][kind]:{form}}" for each in both)

    rows = [[words, *(cell(name, kind) for kind in kinds)] for name, words in names.items()]
    return markdown(["stage", *kinds], rows)


if __name__ == "__main__":
    app()
