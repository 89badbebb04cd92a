"""CCT takes any text for a date and reads it as JavaScript does: these are its own readings."""

from __future__ import annotations

import pytest

from cct_ops.models.cct_exemptions import read_date


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
