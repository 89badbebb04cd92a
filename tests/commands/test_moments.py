"""Moments as people type them, and what is none of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cct_ops.commands.moments import moment, past
from cct_ops.errors import BadConfiguration

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock on the wall is Berlin's."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # needs no file of time zones
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        ("1d2h", datetime(2026, 11, 25, 13, tzinfo=UTC)),
        ("18:30", datetime(2026, 11, 24, 17, 30, tzinfo=UTC)),
        ("09:00", datetime(2026, 11, 25, 8, tzinfo=UTC)),
        ("2026-11-26T09:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ("2026-11-26T09:00Z", datetime(2026, 11, 26, 9, tzinfo=UTC)),
        (
            "2027-04-10T18:30",
            datetime(2027, 4, 10, 16, 30, tzinfo=UTC),
        ),  # clocks go forward between
    ],
)
def test_moments_are_typed_as_people_say_them(text: str, expected: datetime) -> None:
    assert moment(text, NOON) == expected


@pytest.mark.usefixtures("berlin")
def test_an_hour_is_by_the_clock_of_its_own_day() -> None:
    before = datetime(2027, 3, 27, 20, tzinfo=timezone(timedelta(hours=1)))

    assert moment("18:30", before) == datetime(2027, 3, 28, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd",
    [
        *["", "0m", "h", "1.5h", "-1h", "1h30s", "\u0662h", "99999999d", "9" * 5000 + "m", "25:00"],
        *["\u0661\u0668:00", "9999-12-32", "tomorrow", "1_0m", "+1h", "1e3m", "soon", "2026-13-01"],
        *["2h!", "9999999999d", "9999-12-31T23:59-01:00"],
    ],
)
def test_what_is_no_moment_is_one_sentence(odd: str) -> None:
    with pytest.raises(BadConfiguration, match="is no moment: write 2h, 90m"):
        moment(odd, NOON)


def test_what_is_still_to_come_is_no_beginning_of_a_time() -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    for odd in (soon, "2999-01-01", "9999-12-31T23:59-12:00"):
        with pytest.raises(BadConfiguration, match=r"--since .* is still to come: now it is 2"):
            past(odd, ahead=False)
    assert past("0d", ahead=False) <= datetime.now(UTC)
