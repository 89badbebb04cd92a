"""The results as a page for people, with the goals met or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_STEPS = {
    "answered": "the sender has its 202",
    "created": "Prefect has the run",
    "notified": "the workers are notified",
    "claimed": "a worker has claimed it",
    "running": "it is Running",
    "probing": "the first probe's body begins",
}


class Goal(NamedTuple):
    """One goal, in the unit in which it was measured; None when it was not."""

    what: str
    limit: float
    measured: float | None

    @property
    def verdict(self) -> str:
        """The verdict: met, missed or not measured."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "missed"

    @property
    def row(self) -> list[str]:
        """The cells for the page: name, limit, measurement, and met or missed."""
        measured = "" if self.measured is None else f"{self.measured:.3g}"
        return [self.what, f"{self.limit:.3g}", measured, self.verdict]


def goals(results: Mapping[str, Any]) -> list[Goal]:
    """Return all, from the results of one run of the benchmark."""
    starts = results["starts"]
    warm, crowd = starts["warm"], max(results["crowds"], key=lambda each: int(each["incidents"]))
    many = f"{crowd['incidents']} incidents at once"
    return [
        Goal("warm, median, s", 0.4, warm["median"]),
        Goal("warm, p99, s", 1.0, warm["p99"]),
        Goal("warm in parts of the stock worker", 1 / 30, _part(warm, starts["stock"])),
        Goal(
            "warm in parts of Event-Driven Ansible",
            1 / 4,
            _part(warm, starts.get("ansible-rulebook")),
        ),
        Goal(f"{many}: lost", 0, crowd["lost"]),
        Goal(f"{many}: the last one has started after, s", 30, crowd["last_started_seconds"]),
        Goal(f"{many}: slowest answer to the UI, s", 2, crowd["ui_worst_seconds"]),
    ]


def _part(warm: Mapping[str, float], other: Mapping[str, float] | None) -> float | None:
    return None if other is None else warm["median"] / other["median"]


def page(name: str, results: Mapping[str, Any]) -> str:
    """Return it in Markdown."""
    machine = results["machine"]
    versions = ", ".join(f"{package} {number}" for package, number in machine["versions"].items())
    load = " / ".join(f"{value:.1f}" for value in machine["load_average_before"])
    starts, history = results["starts"], results["with_history"]
    first = results["first_action"]
    diagnosis, intake, idle = results["diagnosis"], results["intake"], results["idle"]
    return f"""# Measured on {results["measured_on"]}

{machine["cores"]} cores of {machine["cpu"]}, {machine["memory_gib"]} GiB, \
Linux {machine["kernel"]}, Python {machine["python"]}; {versions}.
Load average before the measurement began (from everything else on the machine): {load}.

## From the POST of an alert to its first probe

![chart]({name}.svg)

{_starts(starts)}

The clock stops where the body of the first probe begins, and for ansible-rulebook and webhook \
where their own command does.

{_table(["goal", "at most", "measured", ""], [goal.row for goal in goals(results)])}

In auto mode the first change is about to be sent {first["median"]:.2f} s after the POST at the \
median, {first["p99"]:.2f} s at p99 (n = {first["n"]}): the diagnosis, the guards, the lock and a \
second look come before it.

## Where the time goes

Seconds since the POST, medians.

{_table(["until", "stock", "warm"], _steps(results["stock_steps"], results["warm_steps"]))}

## Many incidents at once

{_crowds([*results["crowds"], history["ten_at_once"]])}

The last line is with {history["runs"]} finished runs in the history; one alert alone then takes \
{history["start"]["median"]:.2f} s at the median (n = {history["start"]["n"]}).

## The rest

| what | measured |
|---|---|
| start of the stack, with the creation of its databases | {_start(results)} s |
| intake | {intake["per_second"]:.0f} deliveries/s, p99 {intake["p99_seconds"] * 1000:.0f} ms |
| diagnosis: six curl, one after the other | {diagnosis["sequential_curl_median_seconds"]:.2f} s |
| diagnosis: six probes in parallel | {diagnosis["parallel_probes_median_seconds"]:.2f} s |
| idle: CPU | {idle["cpu_percent_of_one_core"]:.1f} % of one core |
| idle: memory of the whole stack (shared pages once) | {idle["memory_mib"]:.0f} MiB |
| a waiting warm process: its own memory | {idle["own_mib_of_a_waiting_process"]:.0f} MiB \
of {idle["rss_mib_of_a_waiting_process"]:.0f} MiB, the rest is shared |
"""


def _start(results: Mapping[str, Any]) -> str:
    return f"{results['start_of_the_stack']['the whole stack']:.1f}"


def _starts(rows: Mapping[str, Mapping[str, float] | None]) -> str:
    lines = []
    for name, row in rows.items():
        if row is None:
            lines.append([name, "", "not measured", "", ""])
        else:
            seconds = [f"{row[key]:.3f} s" for key in ("median", "p99", "worst")]
            lines.append([name, f"{row['n']}", *seconds])
    return _table(["", "n", "median", "p99", "worst"], lines)


def _steps(stock: Mapping[str, Any], warm: Mapping[str, Any]) -> list[list[str]]:
    return [
        [words, f"{stock[step]['median']:.3f}", f"{warm[step]['median']:.3f}"]
        for step, words in _STEPS.items()
    ]


def _crowds(crowds: Sequence[Mapping[str, float]]) -> str:
    columns = {
        "incidents": "incidents",
        "lost": "lost",
        "all_answered_seconds": "all answered",
        "median_started_seconds": "half started",
        "last_started_seconds": "last started",
        "all_ended_seconds": "all ended",
        "ui_median_seconds": "UI, median",
        "ui_worst_seconds": "UI, worst",
        "ui_unanswered": "UI, unanswered",
    }
    rows = [
        [f"{row[key]:.2f} s" if "seconds" in key else f"{row[key]}" for key in columns]
        for row in crowds
    ]
    return _table(list(columns.values()), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
