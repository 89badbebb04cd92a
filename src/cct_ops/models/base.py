"""The base of every model, the amounts and names that people may set, and amounts in words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)


class Frozen(BaseModel):
    """An immutable model that refuses fields it does not know."""

    # Whatever is reckoned with an infinite amount, or with NaN, is wrong without a word.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def digest(content: object) -> str:
    """SHA-256 over the canonical JSON of the content, as 64 hex digits."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_problem(error: ValidationError) -> str:
    """Say where the first value stands that does not fit, and why; the value is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """Return the number with the noun in the form that belongs to it."""
    return f"{number:g} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Return a length of time in whole seconds, or in minutes where it has as many."""
    if seconds < 600 and seconds % 60:
        return counted(round(seconds, None if seconds >= 10 else 1), "second")
    return counted(round(seconds / 60, 1), "minute")


# What people may set is never beyond what can be reckoned with, a year or a milliard.
DAYS_IN_A_YEAR = 366


def _no_truth_value(value: object) -> object:
    """Refuse ``true``, which Python would count as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 -- what pydantic reports
    return value


_Number = BeforeValidator(_no_truth_value)

# What is kept may be kept for long.
Days = Annotated[float, _Number, Field(le=100 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Hours = Annotated[float, _Number, Field(le=24 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Minutes = Annotated[float, _Number, Field(le=24 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Seconds = Annotated[float, _Number, Field(le=24 * 60 * 60 * DAYS_IN_A_YEAR, allow_inf_nan=False)]
Count = Annotated[int, _Number, Field(le=10**9)]

# A name of targets with ``*`` for any number of characters, as the policy lists them.
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def matches(target: str, patterns: Iterable[Pattern]) -> bool:
    """Return whether one of the patterns is the target's whole name."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), target, re.DOTALL) is not None
        for pattern in patterns
    )


def like(pattern: Pattern) -> str:
    r"""Return the pattern as an SQL ``LIKE`` with ``\`` as its escape."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")
