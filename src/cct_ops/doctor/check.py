"""Checks and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from cct_ops.settings import Settings

ANSWER_SECONDS = 4.0
"""The longest that a check waits for one answer: a doctor that hangs helps nobody."""


class Sign(StrEnum):
    """The state of one thing; only what is broken is an error."""

    WELL = "✓"
    LIMITED = "!"
    UNSET = "-"
    BROKEN = "✗"


class Result(NamedTuple):
    """One line: the part, what was seen of it, and what to do where it is not right."""

    part: str
    sign: Sign
    seen: str
    fix: str = ""


class Check(NamedTuple):
    """
    One look at one part, which may be reached in vain.

    ``fix`` is what to do when the look raises one of our errors; the error itself is what was seen.
    """

    part: str
    look: Callable[[Settings], Iterable[Result]]
    fix: str
