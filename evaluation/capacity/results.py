"""The file of results: what was measured, what the model says, and how they compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "capacity-results.json"
Results = dict[str, Any]


def read() -> Results:
    """Return what is kept; nothing where nothing was measured so far."""
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {"phases": []}


def write(results: Results) -> None:
    """Keep it."""
    FILE.write_text(json.dumps(results, indent=1) + "\n")


def with_measured(results: Results, measured: Results) -> Results:
    """Return the results with these loads in the place of what was measured of them before."""
    names = {phase["load"]["name"] for phase in measured["phases"]}
    kept = [phase for phase in results["phases"] if phase["load"]["name"] not in names]
    return {**results, **measured, "phases": [*kept, *measured["phases"]]}
