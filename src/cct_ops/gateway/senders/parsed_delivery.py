"""
A received request, and the delivery that its source's parser makes of it.

Moments are as senders write them, and so are the ways in which they say that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, TypeAdapter, ValidationError

from cct_ops.models.alert import Alert, in_utc

NO_ALERT = "There is no alert in it."

_MOST_REASONS = 5
_NO_MOMENT = "no date and time that can be read, as 2026-11-24T18:30:00Z is"
_SHAPES = {
    "model_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "tuple_type": "Input should be a list",
    "too_short": "there is none",
    "missing": "is missing",
    "timezone_aware": "has no zone, as 2026-11-24T18:30:00Z has",
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Odd:
    """A value that parsers read differently, and so is not read here."""

    reason: str


class UnknownShape(ValueError):
    """The body is authentic, and not one that the parser knows; the message says what is wrong."""


@dataclass(frozen=True)
class Received:
    """One request: its headers as they came, names in lower case, its body, and our clock."""

    headers: Sequence[tuple[str, str]]
    body: bytes
    at: datetime

    def header(self, name: str) -> str | None:
        """Return the header, if it is there exactly once: what contradicts itself says nothing."""
        values = [value for each, value in self.headers if each == name]
        return values[0] if len(values) == 1 else None

    @property
    def media_type(self) -> str:
        """The body's content type without its parameters; empty if there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class ParsedDelivery:
    """
    The alerts of one body, and a note where a person should know something about it.

    A body without alerts is one that was understood and is of no interest; its note says why.
    ``in_part`` says that there was more in it, which was not understood.
    ``sender_id`` is what the sender calls this delivery; empty where it has no name for it.
    """

    alerts: tuple[Alert, ...]
    note: str | None = None
    sender_id: str = ""
    in_part: bool = False


def one_by_one(
    items: Sequence[Item], read: Callable[[int, Item], Alert | None]
) -> tuple[tuple[Alert, ...], str | None]:
    """
    Read each item by itself: an odd one among them is set aside, and the note says which and why.

    ``read`` returns None for what is of no interest. Raises ``UnknownShape`` where something is odd
    and nothing else was to be read.
    """
    alerts: list[Alert] = []
    odd, shown = 0, list[str]()
    for index, item in enumerate(items):
        try:
            found = read(index, item)
        except UnknownShape as error:
            odd += 1
            if len(shown) < _MOST_REASONS:
                shown.append(str(error))
        else:
            alerts += [] if found is None else [found]
    if not odd:
        return tuple(alerts), None
    if odd > len(shown):
        shown.append(f"and {odd - len(shown)} more")
    reasons = "; ".join(shown)
    if not alerts:
        raise UnknownShape(reasons)
    return tuple(alerts), f"{odd} of {len(items)} alerts were set aside: {reasons}"


def first_problem(error: ValidationError, *place: str | int) -> str:
    """Say what is wrong without repeating the body, in characters that the ledger can store."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in (*place, *problem["loc"]))
    what = _SHAPES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"].startswith("datetime"):
        what = _NO_MOMENT
    if isinstance(problem["input"], Odd):
        what = problem["input"].reason
    return printable(f"{where}: {what}" if where else what)


def printable(text: str) -> str:
    """Return the text without what a terminal or a ledger would stumble over."""
    text = text[:500]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


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
