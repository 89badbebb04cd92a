"""The model loses nothing, uses what the utilisation law says, and breaks where the limits say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cct_ops.ledger.intake.grouping import GroupingLimits
from evaluation.capacity.found import Found
from evaluation.capacity.installation import ONE_MACHINE, SEVERAL, Day, Installation, Limits
from evaluation.capacity.limits import limits, run_seconds
from evaluation.capacity.model import Model
from evaluation.capacity.parts import Figures

FIGURES = Figures(
    cpu={
        "gateway": {"second": 0.01, "batch": 0.001, "delivery": 0.002, "alert": 0.0002},
        "controller": {
            "second": 0.01,
            "opening": 0.004,
            "incident": 0.005,
            "look": 0.03,
            "repair": 0.1,
        },
        "prefect-api": {"second": 0.01, "worker second": 0.002, "look": 2.0, "repair": 2.5},
        "prefect-services": {"second": 0.02, "look": 0.05, "repair": 0.1},
        "worker": {"worker second": 0.01, "look": 0.2, "repair": 0.5, "watched second": 0.002},
        "postgres": {
            "second": 0.02,
            "batch": 0.001,
            "opening": 0.002,
            "alert": 0.0005,
            "look": 0.1,
            "repair": 0.3,
        },
    },
    stages={"created": 0.1, "claimed": 0.03, "running": 0.03, "looked": 0.04},
    commit_seconds=0.002,
    requests={"look": 6.0, "repair": 14.0, "watched second": 0.1},
)
OPEN = Limits(
    grouping=GroupingLimits(incidents=10**6),
    message_seconds=0.001,
    requests_per_minute=10**6,
    runs_at_once=10**6,
    watch_seconds=10,
    targets=1000,
)
DAY = Day(repair=0.1)


def test_a_delivery_opens_something_where_any_of_its_alerts_is_new() -> None:
    assert Day(new=0.2, per_delivery=1).opening == pytest.approx(0.2)
    assert Day(new=0.2, per_delivery=2).opening == pytest.approx(0.2 + 0.8 * 0.2)


def test_nothing_is_lost_on_the_way() -> None:
    model = Model(replace(SEVERAL, workers=3, limits=OPEN), DAY, FIGURES)

    found = model.run([(30.0, 100.0), (0.0, 100.0)])

    assert found.stored == found.deliveries > 500
    assert (found.refused, found.grouped) == (0, 0)
    assert found.wanted == found.created == found.begun == found.ended > 15
    assert model.notices.done == found.incidents - found.wanted
    assert model.remediate.waiting == model.notices.waiting == 0


def test_each_part_is_used_as_much_as_its_demands_add_up_to() -> None:
    made = replace(SEVERAL, workers=3, limits=OPEN)
    model = Model(made, DAY, FIGURES, seed=5)
    found = model.run([(60.0, 60.0), (0.0, 60.0)])

    counts = {
        "second": 2 * model.env.now,  # of two
        "worker second": 3 * model.env.now,
        "batch": sum(len(door.sizes) for door in model.doors),
        "delivery": found.stored,
        "alert": found.alerts,
        "opening": found.woken,
        "incident": found.incidents,
        "look": found.ended - found.repaired,
        "repair": found.repaired,
        "watched second": found.repaired * OPEN.watch_seconds,
    }
    for part, used in (
        ("gateway", sum(each.used for each in model.parts.gateways)),
        ("prefect-api", sum(each.used for each in model.parts.apis)),
        ("worker", sum(each.used for each in model.parts.workers)),
        ("controller", sum(each.used for each in model.parts.controllers)),
        ("postgres", model.parts.database.used),
    ):
        figures = FIGURES.cpu[part] | {"second": FIGURES.of(part, "second") / 2}
        wanted = sum(cost * counts[thing] for thing, cost in figures.items())
        assert used == pytest.approx(wanted, rel=0.05), part


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (replace(ONE_MACHINE, limits=OPEN), "1 prefect-api, a core each"),
        (
            replace(SEVERAL, workers=3, limits=replace(OPEN, runs_at_once=2)),
            "runs of the playbook at once",
        ),
        (replace(SEVERAL, workers=3, limits=OPEN), "2 prefect-api, a core each"),
    ],
)
def test_what_is_full_first_by_arithmetic_is_full_there_in_the_model(
    made: Installation, first: str
) -> None:
    full = limits(made, DAY, FIGURES)[0]
    assert full.what == first

    below, above = (
        behind(Model(made, DAY, FIGURES).run([(share * full.alerts_per_second, 300.0)]))
        for share in (0.5, 2.5)
    )

    assert below < 0.15
    assert above > 0.3


def behind(found: Found) -> float:
    """Return the share of deliveries and runs that were not done at the end."""
    deliveries, runs = found.deliveries - found.stored, found.wanted - found.ended
    return deliveries / found.deliveries + runs / found.wanted


def test_in_a_burst_a_few_runs_begin_and_nobody_is_told_of_each() -> None:
    made = replace(SEVERAL, workers=3, limits=replace(OPEN, grouping=GroupingLimits()))

    found = Model(made, DAY, FIGURES).run([(50.0, 200.0)])

    assert found.wanted < 30
    assert found.grouped > 300


def test_a_run_takes_as_long_as_its_work_and_its_watch() -> None:
    made = replace(SEVERAL, workers=3, limits=OPEN)
    day = replace(DAY, repair=0.5)
    found = Model(made, day, FIGURES).run([(20.0, 300.0), (0.0, 60.0)])

    mean = sum(found.run_seconds) / len(found.run_seconds)
    assert mean == pytest.approx(run_seconds(made, day, FIGURES), rel=0.25)
