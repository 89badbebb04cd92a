"""Moments as senders write them, and the ways in which they say that there is none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, TypeAdapter, ValidationError

from cct_ops.gateway.senders.parsed_delivery import UnknownShape, first_problem
from cct_ops.models.alert import in_utc


def _said(value: object) -> object:
    """Read an empty text like a missing one."""
    return None if isinstance(value, str) and not value.strip() else value


def _no_zero(moment: datetime | None) -> datetime | None:
    """The first year is the zero of Go's and of .NET's clocks, and nobody's moment."""
    return None if moment is None or moment.year == 1 else in_utc(moment)


SaidMoment = Annotated[
    Annotated[AwareDatetime | None, AfterValidator(_no_zero)], BeforeValidator(_said)
]

_MOMENT: TypeAdapter[datetime | None] = TypeAdapter(SaidMoment)


def moment(text: str | None, path: str) -> datetime | None:
    """Read RFC 3339 with an offset, or Unix time in seconds or milliseconds; None: not said."""
    try:
        return _MOMENT.validate_python(text)
    except ValidationError as error:
        raise UnknownShape(f"{path}: {first_problem(error)}") from None
