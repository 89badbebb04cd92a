"""Somebody changes back what a run has just changed: between its read-back and its verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import event

from cct_ops.sandbox.control import SandboxControl

CONFIRMED = "UPDATE actions"


@contextmanager
def once_confirmed(
    meddle: Callable[[SandboxControl], None] | None, sandbox: SandboxControl
) -> Iterator[None]:
    """Meddle once, as soon as the ledger has that a change of this process took effect."""
    left = [] if meddle is None else [meddle]

    def see(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if left and text.startswith(CONFIRMED):
            left.pop()(sandbox)

    event.listen(sa.Engine, "after_cursor_execute", see)
    try:
        yield
    finally:
        event.remove(sa.Engine, "after_cursor_execute", see)
    assert left == []
