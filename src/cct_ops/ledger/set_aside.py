"""
What a loop could not deal with, and the border round each item: what fails at one stops no other.

A failure that passes by itself (nobody answers) is logged, and the item is tried again at the next
turn. Any other is set aside with its reason, which people are notified of once, and with its
traceback in the log: it may be an odd value or a mistake in the code. Such an item is tried again,
less and less often, until it works or is gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.engine import is_away
from cct_ops.ledger.schema import set_aside
from cct_ops.ledger.statements import execute, read
from cct_ops.models.base import Frozen

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
_LONGEST_REASON = 1000


class SetAside(Frozen):
    """One item that its loop goes past, and why."""

    part: str
    item: str
    reason: str
    failures: int
    first_at: datetime
    last_at: datetime


def put(engine: sa.Engine, part: str, item: str, reason: str) -> None:
    """Set an item aside, for longer each time."""
    doublings = sa.func.least(set_aside.c.failures, 10)
    longer = sa.func.least(
        timedelta(seconds=LONGEST_PAUSE_SECONDS),
        sa.literal(timedelta(seconds=FIRST_PAUSE_SECONDS)) * sa.func.power(2, doublings),
    )
    first = insert(set_aside).values(
        part=part,
        item=plain(item),
        reason=plain(reason)[:_LONGEST_REASON],
        next_attempt_at=in_seconds(FIRST_PAUSE_SECONDS),
    )
    again = {
        "reason": first.excluded.reason,
        "failures": set_aside.c.failures + 1,
        "last_at": now(),
        "next_attempt_at": now() + longer,
    }
    execute(engine, first.on_conflict_do_update(index_elements=["part", "item"], set_=again))


def waiting(engine: sa.Engine, part: str) -> dict[str, bool]:
    """Return the items of a part that are set aside, each with whether it is left alone for now."""
    found = sa.select(set_aside.c.item, set_aside.c.next_attempt_at > now()).where(
        set_aside.c.part == part
    )
    with engine.connect() as connection:
        return dict(connection.execute(found).tuples().all())


def over(engine: sa.Engine, part: str, item: str) -> None:
    """Forget an item that was dealt with after all."""
    gone = (set_aside.c.part == part, set_aside.c.item == plain(item))
    execute(engine, sa.delete(set_aside).where(*gone))


def keep(engine: sa.Engine, part: str, items: set[str]) -> None:
    """Forget the items of a part that are there no more."""
    gone = (set_aside.c.part == part, set_aside.c.item.not_in([plain(each) for each in items]))
    execute(engine, sa.delete(set_aside).where(*gone))


def listed(engine: sa.Engine) -> list[SetAside]:
    """Return all that is set aside, the oldest first."""
    return read(engine, SetAside, sa.select(set_aside).order_by(set_aside.c.first_at))


@contextmanager
def unnotified(engine: sa.Engine) -> Iterator[list[SetAside]]:
    """
    Yield what was not reported to people yet; of two who ask, one gets it.

    It counts as reported only if the block ends without an error.
    """
    with engine.begin() as tx:
        wanted = sa.select(set_aside).where(set_aside.c.notified_at.is_(None))
        oldest_first = wanted.order_by(set_aside.c.first_at)
        found = read(tx, SetAside, oldest_first.with_for_update(skip_locked=True))
        yield found
        for each in found:
            reported = sa.update(set_aside).where(
                set_aside.c.part == each.part, set_aside.c.item == each.item
            )
            tx.execute(reported.values(notified_at=now()))


def plain(text: str) -> str:
    """Return text that PostgreSQL keeps, whatever was in it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")


T = TypeVar("T")

# Nobody may answer for so long before people are notified of a single item.
PATIENCE_SECONDS = 900.0

# A loop with nothing to do asks only so often whether another process has set something aside.
EMPTY_SECONDS = 60.0

_LONGEST_SENTENCE = 500

_log = logging.getLogger(__name__)


def passes(error: Exception) -> bool:
    """Return whether a failure says nothing about the item, only that somebody does not answer."""
    import httpx  # whoever reads what is set aside needs no client for it

    match error:
        case Unavailable() | httpx.TransportError():
            return True
        case httpx.HTTPStatusError():
            return error.response.status_code in {401, 403, 429} or (
                error.response.status_code >= 500
            )
        case _:
            return is_away(error)


def reason_of(error: Exception) -> str:
    """Say in one line what failed; what others wrote is cut, and values of SQL are left out."""
    said = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    words = plain(" ".join(str(said).split()))[:_LONGEST_SENTENCE]
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
        self._empty_until = 0.0  # where nothing is set aside, nothing has to be forgotten

    def each(
        self, items: Iterable[T], name: Callable[[T], object], work: Callable[[T], object]
    ) -> int:
        """Work on each item that is not set aside for now; returns at how many that succeeded."""
        items = list(items)
        if not items and not self._vain and time.monotonic() < self._empty_until:
            return 0
        known = waiting(self._engine, self._part)
        self._empty_until = 0.0 if known else time.monotonic() + EMPTY_SECONDS
        there, done = set(), 0
        for item in items:
            called = str(name(item))
            there.add(called)
            if not known.get(called):
                done += self.attempt(called, partial(work, item), known=called in known)
        if known.keys() - there:
            keep(self._engine, self._part, there)
        for gone in self._vain.keys() - there:
            self._vain.pop(gone, None)
        return done

    def nothing_left(self) -> int:
        """Forget what was set aside where there is nothing to be done any more; returns 0."""
        return self.each((), str, str)

    def attempt(self, name: str, work: Callable[[], object], *, known: bool = True) -> bool:
        """Work on one item; returns whether that succeeded. One that was ``known`` is back then."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- it is reported, and the others go on
            self._failed(name, error)
            return False
        self._vain.pop(name, None)
        if known:
            over(self._engine, self._part, name)
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
        self._empty_until = 0.0
        try:
            put(self._engine, self._part, name, reason_of(error))
        except sa.exc.SQLAlchemyError as failure:
            _log.warning("%s: that is not written down: %s", self._part, type(failure).__name__)
