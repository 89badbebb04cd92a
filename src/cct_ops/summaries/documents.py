"""JSON objects from files and from text; whatever is wrong with one is said with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from cct_ops.errors import BadConfiguration

LARGEST_BYTES = 16 * 1024 * 1024
"""No summary or schema is larger; whatever is has been mistaken for one."""

Document = dict[str, Any]


def read(path: Path) -> Document:
    """Return the JSON object in a file; raises ``BadConfiguration`` with the file and the place."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadConfiguration(f"{path}: is larger than {LARGEST_BYTES} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Document:
    """Return the JSON object in ``content``; ``where`` names its place in the error."""
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except UnicodeDecodeError as error:
        raise BadConfiguration(
            f"{where}: is not UTF-8 text, from byte {error.start} on."
        ) from error
    except json.JSONDecodeError as error:
        raise BadConfiguration(
            f"{where}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}."
        ) from error
    except RecursionError as error:
        raise BadConfiguration(f"{where}: not usable: it is nested too deeply.") from error
    except ValueError as error:
        raise BadConfiguration(f"{where}: not valid JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BadConfiguration(f"{where}: must be a JSON object, but is {kind(found)}.")
    return found


def render(document: Document) -> str:
    """Return the document as it stands in a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def kind(value: object) -> str:
    """Name a JSON value's type with its article, as a sentence needs it."""
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
    }
    return names.get(type(value), "null")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _once_each(pairs: list[tuple[str, Any]]) -> Document:
    """Refuse a repeated name: one of the two values would be lost without a word."""
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is there twice in one object")
    return document
