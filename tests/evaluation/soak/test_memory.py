"""The verdict about memory: what a part holds in the end against what it held once it settled."""

from __future__ import annotations

import json

import pytest

from evaluation.soak import hostile, memory


def same(size: float) -> dict[str, float]:
    """Every part of one size."""
    return dict.fromkeys(memory.PARTS, size)


def samples(*sizes: float) -> list[tuple[float, dict[str, float]]]:
    """One sample each half minute, in which all parts have the same size."""
    return [((n + 1) / 2, same(size)) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "percent"),
    [
        ([50] * 9 + [100] * 41 + [110] * 10, 10.0),
        ([900] * 9 + [100, 300] * 10 + [500, 105] * 5, 5.0),  # what comes and goes is no growth
        ([100, 120], 20.0),  # too short to settle
        ([100, 400, 90, 95, 300, 99], 100 * (95 / 90 - 1)),
    ],
)
def test_growth_counts_from_the_fifth_minute(sizes: list[float], percent: float) -> None:
    assert memory.growth(samples(*sizes)) == {
        part: pytest.approx(percent, abs=0.1) for part in memory.PARTS
    }


def test_the_page_has_a_row_for_each_part_and_all_answers() -> None:
    lines = memory.page(samples(50, 70, 60), {"202": 3, "503": 5}).splitlines()

    assert "minutes 0.5 to 0.5 | minutes 1.5 to 1.5" in next(x for x in lines if x[:6] == "| part")
    assert [line for line in lines if line.startswith("| ")][2:] == [
        f"| {part} | 50 | 60 | 70 | +20.0 % |" for part in memory.PARTS
    ]
    assert any("3 times 202, 5 times 503" in line for line in lines)


def test_hostile_bodies_are_as_large_as_they_may_be() -> None:
    sizes = {name: len(make()) for name, make in hostile.BODIES.items()}

    assert all(size <= hostile.LARGEST + 1 for size in sizes.values()), sizes
    assert json.loads(hostile.BODIES["many alerts"]())["alerts"]
    assert b"".join(hostile.slowly(b"abc" * 100, 0)) == b"abc" * 100
