"""Names of people, as they are compared: whoever writes one otherwise is the same person."""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """Return what all ways to write a name share: case, spaces, and marks that nobody can see."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(each for each in plain if unicodedata.category(each) != "Cf")
    return " ".join(seen.split())
