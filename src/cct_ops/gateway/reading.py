"""What a request holds once it is read, and what a source's parser makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from cct_ops.models.alert import Alert


class UnknownShape(ValueError):
    """The body is authentic, and not one that the parser knows; the message says what is wrong."""


@dataclass(frozen=True)
class Received:
    """One request: its headers as they came, names in lower case, its body, and our clock."""

    headers: Sequence[tuple[str, str]]
    body: bytes
    at: datetime

    def header(self, name: str) -> str | None:
        """Return the header, if it is there exactly once: what contradicts itself says nothing."""
        values = [value for each, value in self.headers if each == name]
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class Reading:
    """
    The alerts of one body, and a note where a person should know something about it.

    ``sender_id`` is what the sender calls this delivery; empty where it has no name for it.
    """

    alerts: tuple[Alert, ...]
    note: str | None = None
    sender_id: str = ""


def first_problem(error: ValidationError) -> str:
    """Say what is wrong without repeating the body, in characters that the ledger can store."""
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in problem["loc"])
    return printable(f"{where}: {problem['msg']}" if where else problem["msg"])


def printable(text: str) -> str:
    """Return the text without what a terminal or a ledger would stumble over."""
    shown = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:500])
    return "".join(shown)
