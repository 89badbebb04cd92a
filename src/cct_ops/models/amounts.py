"""Amounts that people may set: none is beyond what can be reckoned with, a year or a milliard."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

DAYS_IN_A_YEAR = 366

Hours = Annotated[float, Field(le=24 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Minutes = Annotated[float, Field(le=24 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Seconds = Annotated[float, Field(le=24 * 60 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Count = Annotated[int, Field(le=10**9)]
