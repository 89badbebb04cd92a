"""Problems of a test summary, and the changes that would repair it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from cct_ops.models.base import Frozen


class Strictness(StrEnum):
    """The way to treat problems: they fail the check, are shown only, or are hidden."""

    STRICT = "strict"
    WARN = "warn"
    SILENT = "silent"


class Problem(Frozen):
    """
    One thing that is wrong with one summary.

    ``path`` is its place as a JSON path, ``rule`` the schema's keyword or the name of the business
    rule that is broken.
    """

    summary: str
    path: str
    rule: str
    sentence: str

    def __str__(self) -> str:
        """Render as one line."""
        return f"{self.summary}: {self.path}: {self.sentence}"


class Change(Frozen):
    """One change of a JSON document: an operation of JSON Patch, and what it means."""

    op: str
    pointer: str
    value: Any = None
    sentence: str

    @property
    def operation(self) -> dict[str, Any]:
        """The operation as JSON Patch (RFC 6902) writes it."""
        value = {} if self.op == "remove" else {"value": self.value}
        return {"op": self.op, "path": self.pointer, **value}


class Proposal(Frozen):
    """
    The changes of one document that would put things right, and what they leave wrong.

    ``doubt`` says why it is not shown that everything that was accepted before still is.
    """

    changes: tuple[Change, ...]
    left: tuple[Problem, ...]
    doubt: str | None = None
