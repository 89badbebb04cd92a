"""What things cost is found in loads of several kinds, and a load can be measured again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from evaluation.capacity import results
from evaluation.capacity.fit import PARTS, costs, things
from evaluation.capacity.loads import LOADS, Load

TRUE = {
    "gateway": {"second": 0.01, "batch": 0.002, "delivery": 0.004, "alert": 0.001},
    "controller": {"second": 0.02, "opening": 0.04, "incident": 0.02, "look": 0.1, "repair": 0.2},
}


def phase(load: Load) -> dict[str, Any]:
    """Return a load as it is measured, with what it would take of two parts."""
    sent = load.deliveries * load.seconds
    made = {
        "load": asdict(load),
        "seconds": load.seconds + 6,
        "counts": {
            "deliveries": sent,
            "alerts": sent * load.alerts,
            "batches": sent / (1 + load.deliveries / 20),
            "openings": sent * (load.news > 0) + load.runs * load.seconds,
            "incidents": sent * load.news,
            "runs": load.runs * load.seconds,
        },
    }
    counts = things(made)
    used = {
        part: sum(cost * counts[thing] for thing, cost in costs.items())
        for part, costs in TRUE.items()
    }
    return made | {"cpu": dict.fromkeys(PARTS, 0.0) | used}


def test_what_each_thing_costs_is_found_in_loads_of_several_kinds() -> None:
    found = costs(map(phase, LOADS), "cpu", PARTS)

    for part, true in TRUE.items():
        assert found[part] == pytest.approx(dict.fromkeys(PARTS[part], 0.0) | true, rel=0.01)
    assert max(found["redis"].values()) == 0


def test_no_cost_is_below_zero_where_noise_says_so() -> None:
    noisy = [phase(load) for load in LOADS]
    for each in noisy:
        each["cpu"]["gateway"] *= 0.5 if each["load"]["name"] == "new incidents" else 1.0

    assert min(costs(noisy, "cpu", PARTS)["gateway"].values()) >= 0


def test_a_load_that_is_measured_again_takes_the_place_of_what_it_was() -> None:
    before = {"phases": [phase(load) for load in LOADS], "check": []}
    again = phase(LOADS[0]) | {"seconds": 1.0}

    kept = results.with_measured(before, {"phases": [again], "machine": "another"})

    assert len(kept["phases"]) == len(LOADS)
    assert (kept["phases"][-1], kept["machine"]) == (again, "another")
