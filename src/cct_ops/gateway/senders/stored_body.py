"""The body as it is stored: without the secrets that its sender is known to put into it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from secrets import token_hex

from cct_ops.redaction import BLOT, redact


def without_secrets(body: bytes, paths: Sequence[str]) -> bytes:
    """
    Return the body with ``[redacted]`` in the place of all that is found at these paths.

    A list on the way stands for each of its items. Where nothing is found the bytes are the same;
    else the document is written anew, its numbers in their own characters. A body that is no JSON
    loses what looks like a secret instead.
    """
    if not paths:
        return body
    mark = token_hex(8)  # a fraction is carried as a text that no sender can have written
    try:
        document = json.loads(body, parse_float=lambda digits: f"{mark}{digits}")
    except (ValueError, RecursionError):
        text = body.decode(errors="surrogateescape")
        return redact(text).encode(errors="surrogateescape")
    if not sum(_blot(document, path.split(".")) for path in paths):
        return body
    return re.sub(rf'"{mark}([^"]*)"', r"\1", json.dumps(document)).encode()


def _blot(found: object, names: Sequence[str]) -> int:
    """Blot out what is there, and return how much that was."""
    if isinstance(found, list):
        return sum(_blot(each, names) for each in found)
    name, rest = names[0], names[1:]
    if not isinstance(found, dict) or found.get(name) is None:
        return 0
    if rest:
        return _blot(found[name], rest)
    found[name] = BLOT
    return 1
