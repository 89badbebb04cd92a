"""``python -m evaluation.benchmarks``: measure everything in one go and keep the results."""

from __future__ import annotations

import contextlib
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
from cyclopts import App, Parameter

from evaluation.benchmarks import load, report, rest, starts, storm, way
from evaluation.benchmarks.page import goals
from evaluation.benchmarks.rivals import RIVALS, environment, rivals
from evaluation.benchmarks.sides import NotMeasured, Side, in_turns
from evaluation.benchmarks.system import System, system

app = App(help="Measure the stack of this checkout.")


@app.default
def main(
    *,
    warm: Annotated[int, Parameter(help="Alerts for each quick side.")] = 200,
    stock: Annotated[int, Parameter(help="Alerts for a slow side: stock, Ansible.")] = 12,
    repairs: Annotated[int, Parameter(help="Alerts that are acted on, in auto mode.")] = 12,
    crowd: Annotated[list[int] | None, Parameter(help="Incidents at once: 1, 10 and 100.")] = None,
    history: Annotated[int, Parameter(help="Runs to put into the history.")] = 100_000,
    name: Annotated[str, Parameter(help="Of the files in docs/benchmarks.")] = "results",
    only: Annotated[
        str, Parameter(help="Sides, as in ours,procrastinate: their tables, and nothing is kept.")
    ] = "",
) -> None:
    """Take half an hour on an idle machine with two cores; smaller numbers are faster."""
    results: dict[str, Any] = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": report.machine(),
    }
    chosen = only.split(",") if only else ["ours", "stock", *RIVALS]
    crowds = crowd or ([] if only else [1, 10, 100])
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # PostgreSQL, as a user of its own, must come through
        with contextlib.suppress(NotMeasured):  # to be told when they start
            environment()
        _say("the start of the stack")
        with system(folder / "ours") as stack:
            if not only:
                results |= _alone(stack, folder)
            results |= _beside(stack, folder, chosen, (warm, stock), crowds)
            if "ours" in chosen and (repairs or not only):
                _say(f"{repairs} repairs in auto mode")
                results["first_write"] = report.summary(starts.first_writes(stack, repairs))
            if not only:
                results["with_history"] = _with_history(stack, max(10, warm // 10), history)
        if not only:
            _say("the way of a repair, stage by stage")
            results["way"] = way.measure(folder / "way", max(3, repairs))
            many = 10 * max(crowds)
            _say(f"{many} incidents at once, with the settings as shipped")
            results["storm"] = storm.measure(folder / "storm", many)
    results["load_average_after"] = [round(each, 2) for each in os.getloadavg()]
    if not only:
        report.write(name, results)
        for goal in goals(results):
            print("{}: at most {}, measured {}: {}".format(*goal.row))
    print(report.table(results))


def _alone(stack: System, folder: Path) -> dict[str, Any]:
    """Measure what needs a machine with nothing else on it."""
    _say("nothing")
    results: dict[str, Any] = {"start_of_the_stack": stack.start_seconds}
    results["idle"] = rest.idle(stack, 30)
    _say("parallel probes against sequential curl")
    results["diagnosis"] = rest.diagnosis(stack, 5)
    _say("a summary's validation")
    results["validate"] = report.summary(rest.validate(folder, 3))
    _say("the intake")
    results["intake"] = load.intake(stack, 500)
    return results


def _beside(
    stack: System, folder: Path, chosen: list[str], counts: tuple[int, int], crowds: list[int]
) -> dict[str, Any]:
    """Measure the stack and its rivals in turns, then each in a crowd."""
    _say("how the others start")
    with contextlib.ExitStack() as others, httpx.Client(timeout=60, trust_env=False) as http:
        names = [name for name in RIVALS if name in chosen]
        found, missing = others.enter_context(
            rivals(names, folder / "rivals", stack.journal, stack.env)
        )
        stacks = {"ours": stack} if "ours" in chosen else {}
        with contextlib.ExitStack() as turns:
            if "stock" in chosen:
                stacks["stock"] = turns.enter_context(system(folder / "stock", "process"))
            sides: list[Side] = [
                *(each.side(name, slow=name == "stock") for name, each in stacks.items()),
                *found,
            ]
            _say(f"{', '.join(side.name for side in sides)} in turns")
            timed, failed = in_turns(sides, http, *counts)
            steps = {
                name: report.by_step([starts.steps(each, one) for one in timed[name]])
                for name, each in stacks.items()
            }
        results: dict[str, Any] = {"crowds": [], "rivals_crowds": {}}
        for incidents in crowds:
            _say(f"{incidents} incidents at once")
            if "ours" in chosen:
                results["crowds"].append(load.at_once(stack, incidents))
            for side in found:
                if side.slow or side.name in failed:
                    continue
                try:
                    at_once = side.crowd(http, incidents)
                except (TimeoutError, httpx.HTTPError) as error:
                    failed[f"{side.name}, {incidents} at once"] = str(error)
                else:
                    results["rivals_crowds"].setdefault(side.name, []).append(at_once)
    return results | {
        "first_get": {
            name: report.summary([one.seconds for one in each]) for name, each in timed.items()
        },
        "not_measured": missing | failed,
        "steps": steps,
    }


def _with_history(stack: System, count: int, runs: int) -> dict[str, Any]:
    _say(f"{runs} runs in the history")
    load.add_history(stack.env["PREFECT_API_DATABASE_CONNECTION_URL"], runs)
    timed, _ = in_turns([stack.side("ours")], stack.http, count, 0)
    first_get = report.summary([each.seconds for each in timed["ours"]])
    return {"runs": runs, "first_get": first_get, "ten_at_once": load.at_once(stack, 10)}


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} measuring {what}", flush=True)


if __name__ == "__main__":
    app()
