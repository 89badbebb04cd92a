"""Leaves as bytes: the canonical JSON of RFC 8785."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import rfc8785

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Raised where JSON that somebody else wrote is none, or has something else than is looked for."""

_EXACT = 2**53 - 1


def canonical(content: Any) -> bytes:
    """Return the one way in which this content is written."""
    return rfc8785.dumps(content)


def loads(text: str) -> Any:
    """
    Read JSON that PostgreSQL wrote.

    A number that a JSON reader may round is read as text: every reader must see the same leaf.
    """
    return json.loads(text, parse_int=_integer, parse_float=_fraction)


def _integer(text: str) -> int | str:
    return int(text) if abs(Decimal(text)) <= _EXACT else text


def _fraction(text: str) -> float | str:
    number = float(text)
    exact = math.isfinite(number) and Decimal(repr(number)) == Decimal(text)
    return number if exact else text
