"""The verdict about memory: what a part holds in the end against what it held once it settled."""

from __future__ import annotations

import json

import pytest

from evaluation.soak import hostile, memory


def same(size: float) -> dict[str, float]:
    """Every part of one size."""
    return dict.fromkeys(memory.PARTS, size)


@pytest.mark.parametrize(("after", "percent"), [(110, 10.0), (95, -5.0), (100, 0.0)])
def test_growth_is_between_the_two_rests(after: float, percent: float) -> None:
    assert memory.growth(same(100), same(after)) == {
        part: pytest.approx(percent, abs=0.1) for part in memory.PARTS
    }


def test_the_page_has_a_row_for_each_part_and_all_answers() -> None:
    text = memory.page(same(50), same(60), [same(70), same(65)], {"202": 3, "503": 5})
    lines = text.splitlines()

    assert [line for line in lines if line.startswith("| ")][2:] == [
        f"| {part} | 50 | 60 | 70 | +20.0 % |" for part in memory.PARTS
    ]
    assert any("3 times 202, 5 times 503" in line for line in lines)


def test_hostile_bodies_are_as_large_as_they_may_be() -> None:
    sizes = {name: len(make()) for name, make in hostile.BODIES.items()}

    assert all(size <= hostile.LARGEST + 1 for size in sizes.values()), sizes
    assert json.loads(hostile.BODIES["many alerts"]())["alerts"]
    assert b"".join(hostile.slowly(b"abc" * 100, 0)) == b"abc" * 100
