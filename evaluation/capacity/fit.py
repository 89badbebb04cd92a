"""
What one of each thing costs each part, from the loads that were measured.

Each part's processor time is a sum: so much for each second, delivery, alert, incident and run. The
costs are the sum's least squares over all loads that are fitted, none of them below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls  # type: ignore[import-untyped]  # it has no stubs

from evaluation.capacity.words import THINGS

Phase = Mapping[str, Any]
Costs = dict[str, dict[str, float]]

_INTAKE = ("batch", "delivery", "alert", "incident")
_RUNS = ("look", "repair")
_ALL = tuple(THINGS)
# What can cost a part anything; what cannot would only take up the noise of others.
PARTS: Mapping[str, Sequence[str]] = {
    "gateway": ("second", *_INTAKE),
    "controller": ("second", "opening", "incident", *_RUNS),
    "prefect-api": ("second", "worker second", *_RUNS),
    "prefect-services": ("second", *_RUNS),
    "worker": ("worker second", *_RUNS, "watched second"),
    "postgres": _ALL,
    "standby": ("second", "batch", "alert", "incident", *_RUNS),
    "redis": ("second", "worker second", *_RUNS),
    "nginx": ("second", "worker second", "delivery", *_RUNS),
    "cct": ("second", *_RUNS, "watched second"),
    "slack": ("second", "incident", *_RUNS),
    "sender": ("second", "delivery", "alert", *_RUNS),
}
BYTES: Mapping[str, Sequence[str]] = {
    "cct_ops": ("second", "delivery", "alert", "incident", *_RUNS),
    "prefect": ("second", *_RUNS),
    "wal": _ALL,
}
COMMITS: Mapping[str, Sequence[str]] = {
    "cct_ops": (
        "second",
        "worker second",
        "batch",
        "opening",
        "incident",
        *_RUNS,
        "watched second",
    ),
    "prefect": ("second", "worker second", *_RUNS),
}


def things(phase: Phase) -> dict[str, float]:
    """Return how many of each thing a load had; a run that repairs was also watched."""
    load, counts = phase["load"], phase["counts"]
    repairs = counts["runs"] if load["repairs"] else 0
    return {
        "second": phase["seconds"],
        "worker second": phase["seconds"] * load["workers"],
        "batch": counts["batches"],
        "delivery": counts["deliveries"],
        "alert": counts["alerts"],
        "opening": counts["openings"],
        "incident": counts["incidents"] + counts["runs"],
        "look": counts["runs"] - repairs,
        "repair": repairs,
        "watched second": repairs * load["watch_seconds"],
    }


def costs(phases: Iterable[Phase], of: str, parts: Mapping[str, Sequence[str]]) -> Costs:
    """Return what each thing costs, of ``cpu``, ``bytes`` or ``commits``, by part and thing."""
    fitted = [phase for phase in phases if phase["load"]["fitted"]]
    rows = [things(phase) for phase in fitted]
    found: Costs = {}
    for part, names in parts.items():
        wanted = np.array([phase[of][part] for phase in fitted])
        table = np.array([[row[name] for name in names] for row in rows])
        # Noise grows with what is used: without weights it would drown what idle parts take.
        weights = 1 / np.sqrt(np.maximum(np.abs(wanted), 0.01 * np.abs(wanted).max() + 1e-9))
        table, wanted = table * weights[:, None], wanted * weights
        found[part] = _solved(names, table, wanted)
    return found


def requests(phases: Iterable[Phase]) -> dict[str, float]:
    """Return how many requests to CCT a run of each kind makes."""
    names = ("look", "repair", "watched second")
    fitted = [phase for phase in phases if phase["load"]["fitted"] and phase["counts"]["runs"]]
    table = np.array([[things(phase)[name] for name in names] for phase in fitted])
    return _solved(names, table, np.array([p["counts"]["cct_requests"] for p in fitted]))


def _solved(names: Sequence[str], table: Any, wanted: Any) -> dict[str, float]:
    """Return the least squares of the table's columns, by their names and none below zero."""
    # Columns of one size, or nnls takes the smallest for nothing.
    sizes = np.maximum(table.max(axis=0), 1e-9)
    solved, _ = nnls(table / sizes, np.maximum(wanted, 0.0))
    return {name: float(each) for name, each in zip(names, solved / sizes, strict=True)}
