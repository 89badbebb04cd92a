"""
JSON read without guessing, and only once: what several parsers read, they read differently.

Repeated names, NaN and half surrogates have no one meaning. Such a value spoils what is read from
it and nothing beside it: the other alerts of a delivery stand. Numbers are exact, however large or
fine they are: ids beyond 2^53 are common, and a fraction is the text that the sender wrote.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from functools import lru_cache

from cct_ops.gateway.senders.parsed_delivery import Odd, UnknownShape

Json = object

# More than the largest body of an honest sender has; each costs some microseconds to look at.
MOST_VALUES = 300_000
MOST_DIGITS = 4300

_STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")  # of a pair; without one there is no half of any
_HALVES = re.compile("[\ud800-\udfff]")


class Fraction(str):
    """A number that is not whole, in the very characters in which it was written."""

    __slots__ = ()


def parse(body: bytes) -> Json:
    """Return the document; raises ``UnknownShape`` that does not repeat it."""
    text = _text(body)
    if text.count(",") > MOST_VALUES:
        raise UnknownShape(f"more than {MOST_VALUES} values")
    members = _whole_members if _ESCAPED.search(text) else _members
    try:
        document = json.loads(
            text,
            object_pairs_hook=members,
            parse_float=_fraction,
            parse_constant=lambda word: Odd(f"{word} is no number in JSON"),
        )
        return _whole(document)
    except RecursionError:
        raise UnknownShape("the document is nested too deeply") from None
    except json.JSONDecodeError:
        raise UnknownShape("not a JSON document that everybody reads alike") from None
    except ValueError as error:
        if isinstance(error, UnknownShape):
            raise
        raise UnknownShape("a number with thousands of digits") from None


def follow(document: Json, path: str) -> Json:
    """
    Return what is found by these member names joined by dots, None if there is nothing.

    ``[0]`` behind a name is the first of a list.
    """
    found = document
    for step in _steps(path):
        if isinstance(found, Odd):
            raise UnknownShape(f"{path}: {found.reason}")
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and step < len(found) else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(place) if place else name for name, place in _STEP.findall(path))


def scalar(document: Json, path: str) -> str | None:
    """Return a text, number or truth value as text; an object or a list is no such thing."""
    found = follow(document, path)
    if isinstance(found, Odd):
        raise UnknownShape(f"{path}: {found.reason}")
    text = as_text(found)
    if text is not None and not isinstance(text, str):
        raise UnknownShape(f"{path} is an object or a list: a plain value was expected")
    return text


def as_text(value: Json) -> Json:
    """Return a plain value as the text that it was written as; anything else stays as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else value


def _text(body: bytes) -> str:
    """Decode the body as UTF-8, which JSON always is, whatever a header may say about it."""
    if not body.strip():
        raise UnknownShape("the body is empty")
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in body[:4]:
        raise UnknownShape("the body is UTF-16 or UTF-32: JSON is sent as UTF-8")
    try:
        return body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise UnknownShape("the body is not UTF-8 text, as JSON is") from None


def _fraction(digits: str) -> Fraction:
    if len(digits) > MOST_DIGITS:
        raise UnknownShape("a number with thousands of digits")
    return Fraction(digits)


def _members(pairs: list[tuple[str, Json]]) -> Json:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Odd("a name is there twice in one object")


def _whole_members(pairs: list[tuple[str, Json]]) -> Json:
    if any(_whole(name) is not name for name, _ in pairs):
        return Odd("half of a surrogate pair is no name")
    return _members([(name, _whole(value)) for name, value in pairs])


def _whole(value: Json) -> Json:
    if isinstance(value, str) and _HALVES.search(value):
        return Odd("half of a surrogate pair is no text")
    return value
