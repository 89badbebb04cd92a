"""Amounts that people may set: none is beyond what can be reckoned with, a year or a milliard."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

DAYS_IN_A_YEAR = 366


def _no_truth_value(value: object) -> object:
    """Refuse ``true``, which Python would count as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 -- what pydantic reports
    return value


_Number = BeforeValidator(_no_truth_value)

Hours = Annotated[float, _Number, Field(le=24 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Minutes = Annotated[float, _Number, Field(le=24 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Seconds = Annotated[float, _Number, Field(le=24 * 60 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Count = Annotated[int, _Number, Field(le=10**9)]
