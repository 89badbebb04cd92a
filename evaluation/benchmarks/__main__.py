"""``python -m evaluation.benchmarks``: measure everything in one go and keep the results."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from evaluation.benchmarks import load, report, rest, rivals, starts
from evaluation.benchmarks.page import goals
from evaluation.benchmarks.system import System, system

_TOPICS = (
    "start_of_the_stack",
    "intake",
    "diagnosis",
    "idle",
    "crowds",
    "with_history",
    "first_action",
)

app = App(help="Measure the stack of this checkout.")


@app.default
def main(
    *,
    warm: Annotated[int, Parameter(help="Alerts for the warm worker.")] = 200,
    stock: Annotated[int, Parameter(help="Alerts for Prefect's process worker.")] = 12,
    repairs: Annotated[int, Parameter(help="Alerts that are acted on, in auto mode.")] = 12,
    crowds: Annotated[list[int] | None, Parameter(help="Incidents at once: 1, 10 and 100.")] = None,
    history: Annotated[int, Parameter(help="Runs to put into the history.")] = 100_000,
    name: Annotated[str, Parameter(help="Of the files in docs/benchmarks.")] = "results",
) -> None:
    """Take some 20 minutes on an idle machine with two cores; smaller numbers are faster."""
    results: dict[str, Any] = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": report.machine(),
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        _say("the stack with the warm worker")
        with system(folder / "warm") as stack:
            results |= _with_the_warm_worker(stack, warm, repairs, crowds or [1, 10, 100], history)
        _say("the stack with Prefect's process worker")
        with system(folder / "stock", "process") as stack:
            slow = starts.measure(stack, stock, first=1)
        _say("what else is installed")
        others = {
            "ansible-rulebook": rivals.event_driven_ansible(folder / "ansible", stock),
            "webhook": rivals.webhook(folder / "webhook", stock),
        }
    results["stock_steps"] = report.by_step(slow)
    results["starts"] = {
        "warm": results["warm_steps"]["probing"],
        "stock": results["stock_steps"]["probing"],
        **{name: values and report.summary(values) for name, values in others.items()},
    }
    report.write(name, results)
    for topic in _TOPICS:
        print(f"{topic}: {results[topic]}")
    print(report.table(results["starts"]))
    for goal in goals(results):
        print("{}: at most {}, measured {}: {}".format(*goal.row))
    print(report.ratio(results["starts"]))


def _with_the_warm_worker(
    stack: System, count: int, repairs: int, crowds: list[int], history: int
) -> dict[str, Any]:
    results: dict[str, Any] = {"start_of_the_stack": stack.start_seconds}
    _say(f"{count} alerts, one after the other")
    results["warm_steps"] = report.by_step(starts.measure(stack, count))
    _say(f"{repairs} repairs in auto mode")
    results["first_action"] = report.summary(starts.first_actions(stack, repairs))
    _say("nothing")
    results["idle"] = rest.idle(stack, 30)
    _say("parallel probes against sequential curl")
    results["diagnosis"] = rest.diagnosis(stack, 5)
    _say("the intake")
    results["intake"] = load.intake(stack, 500)
    results["crowds"] = []
    for incidents in crowds:
        _say(f"{incidents} incidents at once")
        results["crowds"].append(load.at_once(stack, incidents))
    _say(f"{history} runs in the history")
    load.add_history(stack.env["PREFECT_API_DATABASE_CONNECTION_URL"], history)
    few = max(10, count // 10)
    results["with_history"] = {
        "runs": history,
        "start": report.by_step(starts.measure(stack, few))["probing"],
        "ten_at_once": load.at_once(stack, 10),
    }
    return results


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} measuring {what}", flush=True)


if __name__ == "__main__":
    app()
