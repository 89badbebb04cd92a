"""What a source's parser makes of a body."""

from __future__ import annotations

from dataclasses import dataclass

from cct_ops.models.alert import Alert


class UnknownShape(ValueError):
    """The body is authentic, and not one that the parser knows; the message says what is wrong."""


@dataclass(frozen=True)
class Reading:
    """The alerts of one body, and a note where a person should know something about it."""

    alerts: tuple[Alert, ...]
    note: str | None = None
