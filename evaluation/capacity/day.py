"""A day of a million alerts through an installation: its calm hours, its busiest one, and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cct_ops.ledger.intake.grouping import GroupingLimits
from evaluation.capacity.found import Found
from evaluation.capacity.installation import ONE_MACHINE, SEVERAL, Day, Installation
from evaluation.capacity.limits import limits
from evaluation.capacity.model import Model
from evaluation.capacity.parts import Figures
from evaluation.capacity.queues import Host, Process

CALM_SECONDS, BUSY_SECONDS, AFTER_SECONDS = 300.0, 3600.0, 900.0

_OPEN = replace(
    SEVERAL.limits,
    grouping=GroupingLimits(incidents=1_000_000),
    requests_per_minute=600,
    runs_at_once=200,
    message_seconds=0.1,
)
ASKED: tuple[Installation, ...] = (
    ONE_MACHINE,
    SEVERAL,
    replace(
        SEVERAL,
        name="several machines, grouping off",
        limits=replace(SEVERAL.limits, grouping=GroupingLimits(incidents=1_000_000)),
    ),
    replace(SEVERAL, name="several machines, limits moved", limits=_OPEN),
)
"""As shipped, but for what their names say."""


def through(made: Installation, day: Day, figures: Figures) -> dict[str, Any]:
    """Let the day pass; returns what was seen in each of its parts, and what is full first."""
    model = Model(made, day, figures)
    rows = {}
    for name, pace, seconds in (
        ("calm", day.calm, CALM_SECONDS),
        ("busiest hour", day.busiest, BUSY_SECONDS),
        ("a quarter of an hour later", day.calm, AFTER_SECONDS),
    ):
        before = len(model.found.accepted), len(model.found.first_looks), _used(model)
        found = model.run([(pace, seconds)])
        accepted, looks = found.accepted[before[0] :], found.first_looks[before[1] :]
        rows[name] = {
            "alerts_per_second": round(pace, 1),
            "accepted_p50": _share(accepted, 0.5),
            "accepted_p99": _share(accepted, 0.99),
            "first_look_p50": _share(looks, 0.5),
            "first_look_p95": _share(looks, 0.95),
            "used": {
                part: round((now - then) / seconds, 3)
                for (part, now), then in zip(_used(model).items(), before[2].values(), strict=True)
            },
            **_waiting(model, found),
        }
    return {
        "installation": made.name,
        "parts": rows,
        "limits": [each._asdict() for each in limits(made, day, figures)],
    }


def _waiting(model: Model, found: Found) -> dict[str, int]:
    return {
        "runs_waiting": found.wanted - found.begun,
        "runs_at_once": found.most_at_once,
        "messages_waiting": model.notices.waiting,
        "grouped": found.grouped,
        "refused": found.refused,
    }


def _used(model: Model) -> dict[str, float]:
    """Return the seconds that each part has worked so far; one machine's cores are one."""
    if model.installation.shared_cores is not None:
        return {"the machine": model.parts.database.used}
    parts = model.parts
    of_one: dict[str, Sequence[Process | Host]] = {
        "a gateway": parts.gateways,
        "a controller": parts.controllers,
        "a prefect-api": parts.apis,
        "a prefect-services": parts.services,
        "PostgreSQL": [parts.database],
        "a worker": parts.workers,
    }
    return {name: sum(each.used for each in all_) / len(all_) for name, all_ in of_one.items()}


def _share(seconds: list[float], share: float) -> float | None:
    ordered = sorted(seconds)
    return round(ordered[int(share * (len(ordered) - 1))], 3) if ordered else None
