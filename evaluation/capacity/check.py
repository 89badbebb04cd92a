"""What the model says of loads that it was not fitted to, beside what was measured of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from cct_ops.ledger.intake.grouping import GroupingLimits
from evaluation.capacity.fit import Phase
from evaluation.capacity.installation import SEVERAL, Day, Installation, Limits
from evaluation.capacity.model import Model
from evaluation.capacity.parts import Figures
from evaluation.capacity.spent import SENDER

TOLERANCE = 0.2
_SEEDS = range(1, 9)


class Compared(NamedTuple):
    """One figure of one load."""

    load: str
    what: str
    predicted: float
    measured: float

    @property
    def off(self) -> float:
        """Return by which share of what was measured the prediction is off."""
        return self.predicted / self.measured - 1

    def row(self) -> dict[str, Any]:
        """Return it as it stands in the file of results."""
        return {**self._asdict(), "off": round(self.off, 3)}


def check(phases: list[Phase], figures: Figures) -> list[Compared]:
    """Compare all loads that were measured and not fitted."""
    found: list[Compared] = []
    for phase in phases:
        if not phase["load"]["fitted"]:
            found += _paced(phase, figures) if phase["load"]["paced"] else _fast(phase, figures)
    return found


def cluster_of(phase: Phase) -> Installation:
    """Return the cluster on this one machine, with the cores that the others left to it."""
    limits = Limits(
        grouping=GroupingLimits(incidents=1_000_000),
        requests_per_minute=600,
        message_seconds=0.01,
        watch_seconds=phase["load"]["watch_seconds"],
    )
    return replace(
        SEVERAL,
        name="the cluster on one machine",
        workers=phase["load"]["workers"],
        shared_cores=phase["cores_left"],
        limits=limits,
    )


def _day(phase: Phase) -> Day:
    load = phase["load"]
    return Day(per_delivery=load["alerts"], new=load["news"] / load["alerts"], run=0.0, repair=0.0)


def _paced(phase: Phase, figures: Figures) -> Iterator[Compared]:
    load, seconds = phase["load"], phase["load"]["seconds"]
    used, accepted, looks = [], list[float](), list[float]()
    for seed in _SEEDS:
        model = Model(cluster_of(phase), _day(phase), figures, seed=seed, even=True)
        sender = model.sent_from_here()
        pace, sent = load["deliveries"] * load["alerts"], phase["counts"]["seconds_accepting"]
        model.run([(pace, seconds)], runs=load["runs"])
        longer = max(0.0, sent - seconds)  # its last answers are waited for
        found = model.run([(pace, longer), (0.0, phase["seconds"] - seconds - longer)])
        used.append(model.parts.database.used - sender.used)
        accepted += found.accepted
        looks += found.first_looks
    measured = sum(cpu for part, cpu in phase["cpu"].items() if part != SENDER)
    length = phase["seconds"]
    yield Compared(load["name"], "cores in use", statistics.mean(used) / length, measured / length)
    yield Compared(
        load["name"],
        "a delivery is accepted after, median, ms",
        1000 * statistics.median(accepted),
        phase["accepted_milliseconds"]["median"],
    )
    if looks and phase["stages"]["runs"]:
        yield Compared(
            load["name"],
            "from the alert to the first look of its run, median, s",
            statistics.median(looks),
            phase["stages"]["median"]["looked"],
        )


def _fast(phase: Phase, figures: Figures) -> Iterator[Compared]:
    load = phase["load"]
    model = Model(cluster_of(phase), _day(phase), figures)
    model.sent_from_here()
    found = model.send_as_fast(load["connections"], load["seconds"])
    accepted = phase["counts"]["deliveries"] / phase["counts"]["seconds_accepting"]
    yield Compared(load["name"], "deliveries a second", found.stored / load["seconds"], accepted)
    sizes = [size for door in model.doors for size in door.sizes]
    yield Compared(
        load["name"],
        "deliveries in a transaction",
        statistics.mean(sizes),
        phase["counts"]["deliveries"] / phase["counts"]["batches"],
    )
