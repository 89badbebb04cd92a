"""
JSON read without guessing.

Parsers disagree about repeated names, NaN, half surrogates and very deep nesting, and what two
parsers read differently is a way round a check. So none of these is read at all. Numbers stay
exact, however large: ids beyond 2^53 are common.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from pydantic_core import from_json

from cct_ops.gateway.reading import UnknownShape

Json = object

# More than the largest body of an honest sender has; each costs some microseconds to look at.
MOST_VALUES = 300_000


def parse(body: bytes) -> Json:
    """Return the document; raises ``UnknownShape`` that does not repeat it."""
    if body.count(b",") > MOST_VALUES:
        raise UnknownShape(f"more than {MOST_VALUES} values")
    try:
        # The first parser refuses depth, NaN and half surrogates in a fraction of the time.
        from_json(body, allow_inf_nan=False, cache_strings=False)
        return json.loads(body, object_pairs_hook=_members, parse_float=Decimal)
    except RecursionError:
        raise UnknownShape("the document is nested too deeply") from None
    except ValueError as error:
        if isinstance(error, UnknownShape):
            raise
        raise UnknownShape("not a JSON document that everybody reads alike") from None


def follow(document: Json, path: str) -> Json:
    """Return what is found by these member names joined by dots, None if there is nothing."""
    found = document
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def scalar(document: Json, path: str) -> str | None:
    """Return a text, number or truth value as text; an object or a list is no such thing."""
    match follow(document, path):
        case None:
            return None
        case bool() as truth:
            return "true" if truth else "false"
        case str() | int() | float() | Decimal() as value:
            return str(value)
        case _:
            raise UnknownShape(f"{path} is an object or a list: a plain value was expected")


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnknownShape("a name is there twice in one object")
    return members
