"""Names of targets with ``*`` for any number of characters, as the policy lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def matches(target: str, patterns: Iterable[Pattern]) -> bool:
    """Tell whether one of the patterns is the target's whole name."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), target, re.DOTALL) is not None
        for pattern in patterns
    )


def like(pattern: Pattern) -> str:
    r"""Return the pattern as an SQL ``LIKE`` with ``\`` as its escape."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")
