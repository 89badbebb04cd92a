"""Numbers stand in sentences as people write them."""

from __future__ import annotations

import pytest

from cct_ops.models.base import counted, duration
from cct_ops.models.plan import Call, Step


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1.0, "1 record")]
)
def test_a_noun_agrees_with_its_number(number: float, expected: str) -> None:
    assert counted(number, "record") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.25, "0.2 seconds"),
        (1, "1 second"),
        (20, "20 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (300, "5 minutes"),
        (5400, "90 minutes"),
        (5401, "90 minutes"),
        (36_000, "600 minutes"),
    ],
)
def test_a_length_of_time_is_in_its_natural_unit(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_a_step_of_a_third_of_a_minute_lasts_seconds() -> None:
    call = Call(method="inject_faults", arguments={})

    assert Step(call=call, undo=call, lasts_minutes=20 / 60).lasts == "for 20 seconds"
