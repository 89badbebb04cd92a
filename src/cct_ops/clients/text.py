"""Text and JSON of others, made fit to stand in our sentences, to be reckoned with, and kept."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError, create_model

from cct_ops.errors import ContractBroken

T = TypeVar("T")

WORDS_LIMIT = 200
"""So much of the words of others goes into a message."""

# Controls, format characters (bidi overrides and zero-width ones among them) and lone surrogates:
# none of them can be seen, and each can make a line read as something that it is not.
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})

# Half of a character and NUL are JSON, and no database, file or terminal keeps them.
_UNFIT_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def one_line(text: str, limit: int | None = None) -> str:
    """Return the visible characters of ``text`` on one line, cut to ``limit`` characters."""
    spaced = " ".join(text.split())
    seen = "".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN)
    if limit is None or len(seen) <= limit:
        return seen
    return seen[: limit - 1] + "…"


# What is handed to a service that we do not know must be markup in none, and no placeholder of
# Prefect's custom webhook either, which would put that block's secrets in its place.
_NO_MARKUP = str.maketrans({"<": "[", ">": "]", "{": "(", "}": ")", "`": "'"})


def unmarked(text: str, limit: int) -> str:
    """Return the text on one line, bounded, and without what chats, mails or pages interpret."""
    return one_line(text, limit).translate(_NO_MARKUP)


def read_json(content: bytes) -> Any:
    """
    Return what an answer holds; raises ``ValueError``.

    Characters that nothing keeps are replaced. A number too large to compute with is infinite,
    which our models refuse with the field's name.
    """
    try:
        found = json.loads(content, parse_int=_whole_number, parse_constant=_no_constant)
        # One field of somebody's free text must not cost the whole answer.
        return _mended(found) if _UNFIT_ESCAPE.search(content) else found
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse(shape: type[T], payload: object, answer: str, within: str = "") -> T:
    """
    Read a payload into its model, or name the field of ``answer`` that does not fit.

    ``within`` names the field that holds it, and before a dot the one that holds that.
    """
    names = within.split(".") if within else []
    whole: Any = shape
    for name in reversed(names):
        fields: dict[str, Any] = {name: (whole, ...)}
        whole = create_model(name, **fields)
    try:
        found: Any = TypeAdapter(whole).validate_python(payload)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "data"
        more = f" (and {exc.error_count() - 1} more)" if exc.error_count() > 1 else ""
        message = one_line(f"{field}: {first['msg']}{more}", WORDS_LIMIT)
        raise ContractBroken(f"{answer} is not as we know it: {message}.") from exc
    for name in names:
        found = getattr(found, name)
    wanted: T = found
    return wanted


def _mended(value: Any) -> Any:
    match value:
        case str():
            return _UNFIT.sub(_REPLACEMENT, value)
        case dict():
            return {_mended(name): _mended(each) for name, each in value.items()}
        case list():
            return [_mended(each) for each in value]
        case _:
            return value


def _whole_number(text: str) -> int | float:
    return int(text) if math.isfinite(float(text)) else math.inf


def _no_constant(name: str) -> NoReturn:
    # NaN would pass every comparison with a threshold, and JSON does not have it.
    raise ValueError(f"{name} is not JSON")
