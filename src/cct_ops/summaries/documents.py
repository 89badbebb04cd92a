"""JSON from files and from text; whatever is wrong with one is said with its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from jsonpatch import JsonPointer

from cct_ops.errors import BadConfiguration

LARGEST_BYTES = 16 * 1024 * 1024
"""No summary or schema is larger; whatever is has been mistaken for one."""

DEEPEST = 64
"""CCT's own nest six deep. Checking takes several calls a level, and Python's stack ends."""

LONGEST_NUMBER = 400
"""So many digits are beyond what any reader of JSON computes with."""

SHOWN_CHARACTERS = 80

KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}

Document = dict[str, Any]
JsonPath = tuple[str | int, ...]

_SURROGATE = re.compile("[\ud800-\udfff]")


def read(path: Path) -> Document:
    """Return the JSON object in a file; raises ``BadConfiguration`` with the file and the place."""
    return parse(content_of(path), str(path))


def content_of(path: Path) -> bytes:
    """Return what a file of plausible size holds."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error}.") from error
    if len(content) > LARGEST_BYTES:
        raise BadConfiguration(f"{path}: is larger than {LARGEST_BYTES} bytes.")
    return content


def parse(content: bytes, where: str) -> Document:
    """Return the JSON object in ``content``; ``where`` names its place in the error."""
    found = parse_value(content, where)
    if not isinstance(found, dict):
        raise BadConfiguration(f"{where}: must be a JSON object, but is {kind(found)}.")
    return found


def parse_value(content: bytes, where: str) -> Any:
    """Return the JSON in ``content``, of which everything can be computed with and written."""
    try:
        found = json.loads(
            content.decode("utf-8-sig"),
            parse_int=_whole_number,
            parse_constant=_no_constant,
            object_pairs_hook=_once_each,
        )
    except UnicodeDecodeError as error:
        raise BadConfiguration(
            f"{where}: is not UTF-8 text, from byte {error.start} on."
        ) from error
    except json.JSONDecodeError as error:
        raise BadConfiguration(
            f"{where}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}."
        ) from error
    except RecursionError as error:
        raise BadConfiguration(_too_deep(where)) from error
    except ValueError as error:
        raise BadConfiguration(f"{where}: not valid JSON: {error}.") from error
    _refuse_odd(found, where)
    return found


def render(document: Document) -> str:
    """Return the document as it stands in a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def shortened(content: bytes, document: Document) -> str | None:
    """Return the place of a number that has fewer digits in ``document`` than in its own text."""
    exact = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    waiting: list[tuple[JsonPath, Any, Any]] = [((), exact, document)]
    while waiting:
        place, written, kept = waiting.pop()
        if isinstance(written, Decimal):
            if written != Decimal(repr(kept)):
                return path_of(place)
        elif isinstance(written, dict):
            waiting += [((*place, name), each, kept[name]) for name, each in written.items()]
        elif isinstance(written, list):
            waiting += [((*place, at), each, kept[at]) for at, each in enumerate(written)]
    return None


def path_of(place: JsonPath) -> str:
    """Write a place as a JSON path without its root."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
            continue
        if len(step) > SHOWN_CHARACTERS:
            step = f"{step[: SHOWN_CHARACTERS - 1]}…"  # noqa: PLW2901 -- a name can be a book
        if step.isascii() and step.isidentifier():
            path += f".{step}"
        else:
            escaped = step.replace("\\", "\\\\").replace("'", r"\'")
            path += f"['{printable(escaped)}']"
    return path.removeprefix(".") or "(top level)"


def pointer(place: Iterable[str | int]) -> str:
    """Write a place as a JSON Pointer, as patches have it."""
    return str(JsonPointer.from_parts(place).path)


def printable(text: str) -> str:
    """Write what cannot be seen as an escape; a NUL, for one, no ledger keeps."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def json_type(value: object) -> str:
    """Return the name of a value's type in JSON Schema."""
    names: dict[type, str] = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
    }
    return names.get(type(value), "null")


def kind(value: object) -> str:
    """Name a JSON value's type with its article, as a sentence needs it."""
    return KINDS[json_type(value)]


def walk(document: Any) -> Iterator[tuple[JsonPath, Any]]:
    """Yield every value with its place; who asks can refuse one before it is looked into."""
    waiting: list[tuple[JsonPath, Any]] = [((), document)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            waiting += [((*place, name), each) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [((*place, at), each) for at, each in enumerate(value)]


def _refuse_odd(document: Any, where: str) -> None:
    """Refuse what is JSON and yet nothing that can be checked, computed with or written again."""
    for place, value in walk(document):
        if isinstance(value, float) and not math.isfinite(value):
            raise BadConfiguration(
                f"{where}: {path_of(place)}: is a number that is too large to compute with."
            )
        if isinstance(value, str) and _SURROGATE.search(value):
            raise BadConfiguration(f"{where}: {path_of(place)}: {_HALF}.")
        if isinstance(value, dict | list) and value and len(place) >= DEEPEST:
            raise BadConfiguration(_too_deep(where, place))
        if isinstance(value, dict) and any(map(_SURROGATE.search, value)):
            raise BadConfiguration(f"{where}: {path_of(place)}: has a name that {_HALF}.")


_HALF = "holds half of a character (a lone surrogate), which is no text"


def _too_deep(where: str, place: JsonPath = ()) -> str:
    below = f"; there are more below {path_of(place[:3])}" if place else ""
    return (
        f"{where}: not usable: it is nested too deeply. At most {DEEPEST} levels are read{below}."
    )


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_NUMBER and _is_float(int(text)) else math.inf


def _is_float(number: int) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _once_each(pairs: list[tuple[str, Any]]) -> Document:
    """Refuse a repeated name: one of the two values would be lost without a word."""
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the name {name!r} is there twice in one object")
            seen.add(name)
    return document
