"""Dates, quantities and drills as they are read and shown."""

from __future__ import annotations

import pytest

from cct_ops.models.base import counted, duration
from cct_ops.models.cct_exemptions import read_date
from cct_ops.models.game_day import DrillResult, GameDayDiagnosis
from cct_ops.models.plan import Call, Step
from cct_ops.models.run import Outcome


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-27", "2025-11-27T00:00:00+00:00"),
        ("2025-11", "2025-11-01T00:00:00+00:00"),
        ("2025", "2025-01-01T00:00:00+00:00"),
        ("2025-11-27T10:00", "2025-11-27T10:00:00+00:00"),
        ("2025-11-27 10:00", "2025-11-27T10:00:00+00:00"),
        ("2025-11-27t10:00:00z", "2025-11-27T10:00:00+00:00"),
        ("2025-11-27T10:00:00.123456789Z", "2025-11-27T10:00:00.123000+00:00"),
        ("2025-11-27T10:00:00+0530", "2025-11-27T04:30:00+00:00"),
        ("2025-11-27T10:00:00-05:30", "2025-11-27T15:30:00+00:00"),
        ("2025-11-27T24:00:00Z", "2025-11-28T00:00:00+00:00"),
        ("2025-02-30", "2025-03-02T00:00:00+00:00"),
        (" 2025-11-27\n", "2025-11-27T00:00:00+00:00"),
        # Python takes these for dates, and JavaScript does not.
        ("20251127", None),
        ("20251127T100000Z", None),
        ("2025-W48-4", None),
        ("2025-11-27T10", None),
        ("2025-11-27T10:00:00,5Z", None),
        ("2025-11-27T10:00:00+05", None),
        ("2025-11-27x10:00", None),
        # Neither does.
        ("2025-13-01", None),
        ("2025-11-32", None),
        ("2025-11-27T24:00:01Z", None),
        ("2025-11-27T10:00:60Z", None),
        ("2025-331", None),
        ("never", None),
        ("", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("0001-01-01T00:00:00+01:00", None),
    ],
)
def test_a_date_is_what_cct_takes_for_one(text: str, moment: str | None) -> None:
    found = read_date(text)

    assert (found.isoformat() if found else None) == moment


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


def result(playbook: str, problem: str | None = None) -> DrillResult:
    """One drill."""
    return DrillResult(
        playbook=playbook,
        seeded="s",
        expected="Resolved",
        ended="Resolved",
        problem=problem,
        seconds=1,
    )


def test_one_drill_that_fails_makes_the_day_red() -> None:
    day = GameDayDiagnosis.of((result("a"), result("b", "why")), ("c",))

    assert day.outcome is Outcome.UNVERIFIED
    assert day.headline == "1 of 2 drilled playbooks work. Not so: b. Without a drill: c."
    assert GameDayDiagnosis.of((result("a"),), ()).outcome is Outcome.PASSED


def test_no_drill_at_all_is_no_success() -> None:
    assert GameDayDiagnosis.of((), ("a",)).outcome is Outcome.UNVERIFIED
