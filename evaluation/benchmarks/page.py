"""The results as a page for people, with the goals met or missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from evaluation.benchmarks import storm, way
from evaluation.benchmarks.rivals import DOES_NOT
from evaluation.benchmarks.tables import markdown

_CROWD = 100  # the goals are for so many at once
TITLE = "From the POST of an alert to its first GET at CCT"
_STEPS = {
    "answered": "the sender has its 202",
    "created": "Prefect has the run",
    "notified": "the workers are notified",
    "claimed": "a worker has claimed it",
    "running": "it is Running",
    "probing": "the first probe's body begins",
    "arrived": "the first GET arrives at CCT",
}


class Goal(NamedTuple):
    """One goal, in the unit in which it was measured; None when it was not."""

    what: str
    limit: float | None
    measured: float | None

    @property
    def verdict(self) -> str:
        """The verdict: met, missed and by how much, or not measured."""
        if self.measured is None or self.limit is None:
            return "not measured"
        if self.measured <= self.limit:
            return "met"
        times = f", {self.measured / self.limit:.1f} times as much" if self.limit else ""
        return f"missed by {self.measured - self.limit:.3g}{times}"

    @property
    def row(self) -> list[str]:
        """The cells for the page: name, limit, measurement, and the verdict."""
        limit, measured = (
            "" if each is None else f"{each:.3g}" for each in (self.limit, self.measured)
        )
        return [self.what, limit, measured, self.verdict]


def goals(results: Mapping[str, Any]) -> list[Goal]:
    """Return all, from the results of one run of the benchmark."""
    first, idle = results["first_get"], results["idle"]
    ours, many = first["ours"], f"{_CROWD} incidents at once"
    # of a smaller crowd nothing can be said about these
    crowd: Mapping[str, Any] = next(
        (each for each in results["crowds"] if each["incidents"] == _CROWD), {}
    )
    cpu = crowd.get("cpu_seconds_per_run")
    procrastinate = first.get("procrastinate", {}).get("median", 0.0)
    return [
        Goal(
            "first GET, median, s: 0.15, or twice procrastinate's",
            max(0.15, 2 * procrastinate),
            ours["median"],
        ),
        Goal("first GET, p99, s", 0.5, ours["p99"]),
        Goal(
            "first GET, median, s: that of DBOS's queue",
            first.get("dbos", {}).get("median"),
            ours["median"],
        ),
        Goal("first write in auto mode, median, s", 0.6, results["first_write"]["median"]),
        Goal(f"{many}: lost", 0, crowd.get("lost")),
        Goal(f"{many}: all have their first reading, s", 5, crowd.get("last_first_get_seconds")),
        Goal(f"{many}: the last run has begun, s", 25, crowd.get("last_begun_seconds")),
        Goal(f"{many}: all have ended, s", 75, crowd.get("all_ended_seconds")),
        Goal(f"{many}: slowest answer to the UI, s", 2, crowd.get("ui_worst_seconds")),
        Goal(f"{many}: CPU per run, s", 0.9, cpu and _whole(cpu)),
        Goal(
            f"{results['storm']['incidents']} at once, as shipped: lost",
            0,
            results["storm"]["lost"],
        ),
        Goal("idle: CPU, % of one core", 3, _whole(idle["cpu_percent_of_one_core"])),
        Goal("idle: memory, MiB", 700, _whole(idle["memory_mib"])),
        Goal("start of the stack, in parts of the version before, side by side", 0.6, None),
        Goal("summary validate of one file, median, s", 1.5, results["validate"]["median"]),
    ]


def _whole(parts: Mapping[str, float]) -> float:
    """Return the sum for the stack; the sink is the benchmark's."""
    return sum(each for part, each in parts.items() if part != "sink")


def page(name: str, results: Mapping[str, Any]) -> str:
    """Return it in Markdown."""
    machine, history = results["machine"], results["with_history"]
    versions = ", ".join(f"{package} {number}" for package, number in machine["versions"].items())
    before, after = (
        " / ".join(f"{value:.1f}" for value in values)
        for values in (machine["load_average_before"], results["load_average_after"])
    )
    first, write = results["first_get"], results["first_write"]
    diagnosis, intake, idle = results["diagnosis"], results["intake"], results["idle"]
    crowd = results["crowds"][-1]
    return f"""# Measured on {results["measured_on"]}

{machine["cores"]} cores of {machine["cpu"]}, {machine["memory_gib"]} GiB, \
Linux {machine["kernel"]}, Python {machine["python"]}; {versions}.
Load average before the measurement began (from everything else on the machine): {before}; \
when it had ended: {after}.

## {TITLE}

![chart]({name}.svg)

{_starts(first, results["not_measured"])}

The clock starts before the sender's first byte and stops where the first GET arrives at the sink, \
a process in front of CCT that stamps and passes on. Nobody's clock is asked but that of the \
machine (CLOCK_MONOTONIC). All sides were measured in turns, one alert after the other.

What each does between the two, and does not do:

{markdown(["", ""], [[each, DOES_NOT[each]] for each in DOES_NOT if each in first])}

## Goals

{markdown(["goal", "at most", "measured", ""], [goal.row for goal in goals(results)])}

## From the POST to the first write, in auto mode

The first change arrives at the sink {write["median"]:.2f} s after the POST at the median, \
{write["p99"]:.2f} s at p99 (n = {write["n"]}): the diagnosis, the guards, the lock and a second \
look come before it.

## Where the time goes

Seconds since the POST, medians.

{markdown(["until", *results["steps"]], _steps(results["steps"]))}

Stage by stage, of a repair in auto mode; each stage less what the parts do while nothing happens:

{way.table(results["way"])}

## Many incidents at once

{_crowds([*results["crowds"], history["ten_at_once"]])}

The last line is with {history["runs"]} finished runs in the history; the first GET of one alert \
alone then arrives after {history["first_get"]["median"]:.2f} s at the median \
(n = {history["first_get"]["n"]}). Runs share readings: a run's first GET is the first one whose \
answer it has taken, whoever sent it.

The rivals in the same crowds, until the last one's GET has arrived:

{_rivals_crowds(results["rivals_crowds"])}

With the routes, the policy and the limits as shipped:

{storm.table(results["storm"])}

## CPU and memory of each part

{_parts(crowd["cpu_seconds_per_run"], idle)}

CPU per run with {crowd["incidents"]} incidents at once. A run's own process counts with its worker.

## The rest

| what | measured |
|---|---|
| start of the stack, with the creation of its databases | \
{results["start_of_the_stack"]["the whole stack"]:.1f} s |
| intake | {intake["per_second"]:.0f} deliveries/s, p99 {intake["p99_seconds"] * 1000:.0f} ms |
| diagnosis: six curl, one after the other | {diagnosis["sequential_curl_median_seconds"]:.2f} s |
| diagnosis: six probes in parallel | {diagnosis["parallel_probes_median_seconds"]:.2f} s |
| `summary validate` of one file | {results["validate"]["median"]:.1f} s |
| a waiting warm process: its own memory | {idle["own_mib_of_a_waiting_process"]:.0f} MiB \
of {idle["rss_mib_of_a_waiting_process"]:.0f} MiB, the rest is shared |
"""


def _starts(rows: Mapping[str, Mapping[str, float]], missing: Mapping[str, str]) -> str:
    lines = []
    for name, row in rows.items():
        seconds = [f"{row[key]:.3f} s" for key in ("median", "p90", "p99", "worst")]
        ratio = row["median"] / rows["ours"]["median"]
        lines.append([name, f"{row['n']}", *seconds, f"{ratio:.2f}"])
    lines += [[name, "", f"not measured: {why}", "", "", "", ""] for name, why in missing.items()]
    return markdown(["", "n", "median", "p90", "p99", "worst", "median in parts of ours"], lines)


def _steps(sides: Mapping[str, Mapping[str, Any]]) -> Iterable[list[str]]:
    for step, words in _STEPS.items():
        yield [words, *(f"{steps[step]['median']:.3f}" for steps in sides.values())]


def _crowds(crowds: Sequence[Mapping[str, Any]]) -> str:
    columns = {
        "incidents": "incidents",
        "lost": "lost",
        "all_answered_seconds": "all answered",
        "median_first_get_seconds": "half of the first GETs",
        "last_first_get_seconds": "last first GET",
        "last_begun_seconds": "last begun",
        "all_ended_seconds": "all ended",
        "ui_median_seconds": "UI, median",
        "ui_worst_seconds": "UI, worst",
        "ui_unanswered": "UI, unanswered",
    }
    rows = [
        [f"{row[key]:.2f} s" if "seconds" in key else f"{row[key]}" for key in columns]
        for row in crowds
    ]
    return markdown(list(columns.values()), rows)


def _rivals_crowds(rivals: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    rows = [
        [name, str(row["incidents"]), f"{row['last_first_get_seconds']:.2f} s"]
        for name, crowds in rivals.items()
        for row in crowds
    ]
    return markdown(["", "incidents", "last first GET"], rows)


def _parts(crowd: Mapping[str, float], idle: Mapping[str, Mapping[str, float]]) -> str:
    cpu, memory = idle["cpu_percent_of_one_core"], idle["memory_mib"]
    rows = [
        [part, f"{crowd[part]:.3f} s", f"{cpu[part]:.1f} %", f"{memory[part]:.0f} MiB"]
        for part in memory
        if memory[part]
    ]
    whole = [f"{_whole(crowd):.3f} s", f"{_whole(cpu):.1f} %", f"{_whole(memory):.0f} MiB"]
    head = ["part", "CPU per run", "idle: CPU, of one core", "idle: memory (shared pages once)"]
    return markdown(head, [*rows, ["all without the sink", *whole]])
