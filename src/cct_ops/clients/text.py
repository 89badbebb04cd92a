"""Text of others, made fit to stand inside a sentence of ours."""

from __future__ import annotations

import unicodedata

# Controls, format characters (bidi overrides and zero-width ones among them) and lone surrogates:
# none of them can be seen, and each can make a line read as something that it is not.
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})


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
