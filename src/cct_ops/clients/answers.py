"""JSON of an answer, made fit to be reckoned with and kept: other people's text stands in it."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

# Half of a character and NUL are JSON, and no database, file or terminal keeps them.
_UNFIT_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


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
