"""
The border round each item of a loop: what fails at one item, whatever it is, stops no other.

A failure that passes by itself (nobody answers) is logged, and the item is tried again at the next
turn. Any other is set aside with its reason, which people are notified of once, and with its
traceback in the log: it may be an odd value or a mistake in the code. Such an item is tried again,
less and less often, until it works or is gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TypeVar

import httpx
import sqlalchemy as sa
from psycopg.errors import ProgramLimitExceeded

from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import set_aside

T = TypeVar("T")

# Nobody may answer for so long before people are notified of a single item.
PATIENCE_SECONDS = 900.0

_LONGEST_REASON = 500

_log = logging.getLogger(__name__)


def passes(error: Exception) -> bool:
    """Tell whether a failure says nothing about the item, only that somebody does not answer."""
    match error:
        case Unavailable() | httpx.TransportError():
            return True
        case httpx.HTTPStatusError():
            return error.response.status_code in {401, 403, 429} or (
                error.response.status_code >= 500
            )
        case sa.exc.DBAPIError(orig=ProgramLimitExceeded()):
            return False  # larger than the ledger takes, whenever it comes
        case sa.exc.OperationalError() | sa.exc.InterfaceError() | sa.exc.TimeoutError():
            return True
        case sa.exc.DBAPIError():
            return error.connection_invalidated
        case _:
            return False


def reason_of(error: Exception) -> str:
    """Say in one line what failed; what others wrote is cut, and values of SQL are left out."""
    said = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    words = set_aside.plain(" ".join(str(said).split()))[:_LONGEST_REASON]
    return words if isinstance(error, OpsError) else f"{type(error).__name__}: {words}"


@lru_cache(maxsize=128)
def border(engine: sa.Engine, part: str) -> OneByOne:
    """Return this process's border of a loop: it remembers from turn to turn."""
    return OneByOne(engine, part)


class OneByOne:
    """The border of one loop's items; ``part`` is what people call the loop."""

    def __init__(self, engine: sa.Engine, part: str) -> None:
        self._engine = engine
        self._part = part
        self._vain: dict[str, float] = {}  # since when nobody answers about it

    def each(
        self, items: Iterable[T], name: Callable[[T], object], work: Callable[[T], object]
    ) -> int:
        """Work on each item that is not set aside for now; returns at how many that succeeded."""
        known = set_aside.waiting(self._engine, self._part)
        there, done = set(), 0
        for item in items:
            called = str(name(item))
            there.add(called)
            if not known.get(called):
                done += self.attempt(called, partial(work, item), known=called in known)
        if known.keys() - there:
            set_aside.keep(self._engine, self._part, there)
        for gone in self._vain.keys() - there:
            self._vain.pop(gone, None)
        return done

    def attempt(self, name: str, work: Callable[[], object], *, known: bool = True) -> bool:
        """Work on one item; returns whether that succeeded. One that was ``known`` is back then."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- it is reported, and the others go on
            self._failed(name, error)
            return False
        self._vain.pop(name, None)
        if known:
            set_aside.over(self._engine, self._part, name)
        return True

    def _failed(self, name: str, error: Exception) -> None:
        if passes(error):
            _log.warning("%s: %s waits: %s", self._part, name, reason_of(error))
            since = self._vain.setdefault(name, time.monotonic())
            if time.monotonic() - since < PATIENCE_SECONDS:
                return
        # The traceback of what we foresaw helps nobody, and that of SQL shows values.
        shown = None if isinstance(error, OpsError | sa.exc.SQLAlchemyError) else error
        _log.error("%s: %s is set aside: %s", self._part, name, reason_of(error), exc_info=shown)
        try:
            set_aside.put(self._engine, self._part, name, reason_of(error))
        except sa.exc.SQLAlchemyError as failure:
            _log.warning("%s: that is not written down: %s", self._part, type(failure).__name__)
