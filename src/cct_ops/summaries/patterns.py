"""Patterns and formats of JSON Schema: ECMA-262 with the flag ``u``, and text of one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

import regress
from jsonschema import Draft3Validator, FormatChecker

# Their grammars allow every character; all other formats are of visible ones only.
_ANY_CHARACTER = frozenset({"regex", "json-pointer", "relative-json-pointer"})
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
# What the libraries behind the formats raise on text that is not of their format.
_NOT_OF_IT = (ValueError, ArithmeticError, LookupError)

Check = Callable[[Any], bool]


class BadPattern(ValueError):
    """A schema holds a pattern that ECMA-262 does not know."""


def finds(pattern: str, text: str) -> bool:
    """Return whether the pattern is found in the text; raises ``BadPattern``."""
    return _compiled(pattern).find(text) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regress.Regex:
    try:
        return regress.Regex(pattern, "u")
    except regress.RegressError as error:
        raise BadPattern(f"{pattern!r} is no pattern of ECMA-262: {error}") from None


def formats(known: FormatChecker) -> FormatChecker:
    """Return a draft's checker, with what its libraries read too generously read strictly."""
    made = FormatChecker(formats=())
    made.checkers = {
        name: (
            check if name in _ANY_CHARACTER else _visible(check),
            (*_NOT_OF_IT, *(raises if isinstance(raises, tuple) else (raises,))),
        )
        for name, (check, raises) in known.checkers.items()
    }
    own: dict[str, Check] = {"regex": _is_pattern, "date-time": _is_date_time}
    if known is not Draft3Validator.FORMAT_CHECKER:  # there a time has no zone
        own["time"] = _is_time
    for name in own.keys() & known.checkers.keys():
        made.checkers[name] = (own[name], _NOT_OF_IT)
    return made


def _visible(check: Check) -> Check:
    def checked(value: Any) -> bool:
        return not isinstance(value, str) or (not _INVISIBLE.search(value) and bool(check(value)))

    return checked


def _is_pattern(value: Any) -> bool:
    return not isinstance(value, str) or _compiled(value) is not None


def _is_date_time(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    day, time = value[:10], value[11:]
    if not _DAY.fullmatch(day) or value[10:11] not in {"T", "t"}:
        return False
    # Year 0 has the calendar of a leap year, and Python has no year 0.
    date.fromisoformat(day if day[:4] != "0000" else f"2000{day[4:]}")
    return _is_time(time)


def _is_time(value: Any) -> bool:
    """Return whether it is RFC 3339's full-time; a leap second ends a day of UTC."""
    if not isinstance(value, str):
        return True
    found = _TIME.fullmatch(value)
    if found is None:
        return False
    hour, minute, second, sign, ahead_hours, ahead_minutes = found.groups()
    if second != "60":
        return True
    ahead = int(f"{sign or '+'}1") * (60 * int(ahead_hours or 0) + int(ahead_minutes or 0))
    return (60 * int(hour) + int(minute) - ahead) % 1440 == 1439
