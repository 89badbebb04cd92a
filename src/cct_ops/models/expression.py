"""Regular expressions of RE2, the language of Alertmanager and of everything written in Go."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # it would write to stderr; the caller says what is wrong


def check(expression: str) -> str:
    """Return the expression; raises ``ValueError`` if RE2 refuses it."""
    _whole(expression)
    return expression


def matches(expression: str, text: str) -> bool:
    """Return whether the whole text is in the expression's language."""
    # Our own regular expressions never meet a lone surrogate: it is not UTF-8, so nothing fits it.
    return _whole(expression).search(text.encode("utf-8", "surrogatepass")) is not None


def groups(expression: str) -> int:
    """Return how many groups it has that hold what they match."""
    return int(_whole(expression).groups)


def taken(expression: str, text: str) -> str | None:
    """
    Return what the expression takes from a text all of which is in its language.

    That is what its group holds, or the text if it has none. None if the text is not in its
    language, or the group took no part.
    """
    found = _whole(expression).search(text.encode("utf-8", "surrogatepass"))
    if found is None:
        return None
    held = found.group(1) if _whole(expression).groups else found.group(0)
    # A group can hold a part of a character only by an expression for bytes.
    return None if held is None else held.decode("utf-8", "replace")


@lru_cache(maxsize=256)
def _whole(expression: str) -> Any:
    """Compile it with the anchors that Alertmanager puts around it."""
    try:
        return re2.compile(f"^(?:{expression})$".encode(), _OPTIONS)
    except UnicodeEncodeError:
        raise ValueError("not a regular expression: it is not valid Unicode") from None
    except re2.error as error:
        said = error.args[0] if error.args else b"RE2 refuses it"
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        # RE2 names the expression with the anchors, which nobody wrote.
        words = words.removesuffix(f": ^(?:{expression})$")
        raise ValueError(f"not a regular expression of RE2: {words}") from None
