"""Moments as people type them, and what is none of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cct_ops.commands.moments import moment
from cct_ops.errors import BadConfiguration

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd",
    [
        *["", "0m", "h", "1.5h", "-1h", "1h30s", "\u0662h", "99999999d", "9" * 5000 + "m", "25:00"],
        *["\u0661\u0668:00", "9999-12-32", "tomorrow", "1_0m", "+1h", "1e3m"],
    ],
)
def test_what_is_no_moment_is_one_sentence(odd: str) -> None:
    with pytest.raises(BadConfiguration, match="is no moment: write 2h, 90m"):
        moment(odd, NOW)
