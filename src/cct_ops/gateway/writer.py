"""
Deliveries on their way to the ledger: what waits at the same moment is one transaction.

Every source has a line of its own and the lines take turns, so one that floods us holds up only
itself. A line that is full is refused at once: its sender repeats, and the rest stays quick.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming, Receipt
from cct_ops.ledger.set_aside import passes

BATCH_DELIVERIES = 100
BATCH_ALERTS = 2000
LINE_DELIVERIES = 2000
LINE_BYTES = 16 * 1024 * 1024  # as they came; in memory they are many times larger

UNSTORABLE = "The ledger cannot store the values of these alerts."

log = logging.getLogger(__name__)


class Full(Exception):
    """The source's line is full: it must come again later."""


class Unstored(Exception):
    """The ledger did not confirm that the delivery is stored."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    incoming: Incoming
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Receipt]
    since: float = field(default_factory=time.monotonic)


class Writer:
    """Stores deliveries in a thread of its own; an answer comes only after the commit."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lines: dict[str, deque[_Waiting]] = {}
        self._bytes: dict[str, int] = {}
        self._news = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, and no more."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        self._thread.join()

    def waiting(self) -> int:
        """Return how many deliveries wait."""
        with self._news:
            return sum(len(line) for line in self._lines.values())

    def oldest_seconds(self) -> float:
        """Return how long the first of them has waited; 0 where none does."""
        with self._news:
            firsts = [line[0].since for line in self._lines.values() if line]
        return time.monotonic() - min(firsts) if firsts else 0.0

    async def store(self, incoming: Incoming) -> Receipt:
        """Return the receipt once the delivery is durable; raises ``Full`` or ``Unstored``."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Receipt] = loop.create_future()
        source, size = incoming.source, len(incoming.body)
        with self._news:
            line = self._lines.setdefault(source, deque())
            taken = self._bytes.get(source, 0)
            if len(line) >= LINE_DELIVERIES or (line and taken + size > LINE_BYTES):
                raise Full
            waiting = _Waiting(incoming, loop, answer)
            line.append(waiting)
            self._bytes[source] = taken + size
            self._news.notify()
        try:
            return await answer
        finally:
            with self._news:  # whoever has been asked to retry leaves the line, with its body
                if answer.cancelled() and waiting in line:
                    line.remove(waiting)
                    self._bytes[source] -= size

    def _work(self) -> None:
        try:
            while self._write():
                pass
        finally:
            if not self._stopping:
                # Of an error that nobody foresaw: a door that can store nothing must be replaced.
                os.kill(os.getpid(), signal.SIGTERM)

    def _write(self) -> bool:
        """Store one batch and keep nothing of it; returns False when there will be no more."""
        batch = self._next()
        results = self._record([each.incoming for each in batch]) if batch else []
        for loop in {each.loop for each in batch}:
            mine = [
                (each.answer, result)
                for each, result in zip(batch, results, strict=True)
                if each.loop is loop
            ]
            loop.call_soon_threadsafe(_answer, mine)
        return bool(batch)

    def _next(self) -> list[_Waiting]:
        """Wait for deliveries and take some of every source; none means to stop."""
        with self._news:
            batch: list[_Waiting] = []
            while not batch:
                self._news.wait_for(lambda: self._stopping or any(self._lines.values()))
                if not any(self._lines.values()):
                    return []
                alerts = 0
                while any(self._lines.values()) and not _full(len(batch), alerts):
                    for each in self._one_of_each():
                        batch.append(each)
                        alerts += len(each.incoming.alerts or ())
            return batch

    def _one_of_each(self) -> list[_Waiting]:
        """Take the first of every line, but for those whose sender has been asked to retry."""
        taken = []
        for source, line in self._lines.items():
            if line:
                each = line.popleft()
                self._bytes[source] -= len(each.incoming.body)
                if not each.answer.done():
                    taken.append(each)
        return taken

    def _record(self, batch: Sequence[Incoming]) -> list[Receipt | Unstored]:
        """Store all together, or one by one where one of them cannot be stored at all."""
        try:
            return list(deliveries.record_all(self._engine, batch))
        except Exception as error:  # noqa: BLE001 -- of one delivery: it is quarantined and logged
            if passes(error):
                log.error("%d deliveries not stored: %s", len(batch), type(error).__name__)  # noqa: TRY400 -- the traceback would show values
                return [Unstored(type(error).__name__) for _ in batch]
            if len(batch) > 1:
                return [result for each in batch for result in self._record([each])]
            (single,) = batch
            if single.alerts is None:
                return [Unstored(type(error).__name__)]
            log.error("quarantined a delivery of %s: %s", single.source, UNSTORABLE)  # noqa: TRY400 -- the traceback would show values
            return self._record([replace(single, alerts=None, note=UNSTORABLE)])


def _full(count: int, alerts: int) -> bool:
    return count >= BATCH_DELIVERIES or alerts >= BATCH_ALERTS


def _answer(results: Sequence[tuple[asyncio.Future[Receipt], Receipt | Unstored]]) -> None:
    for answer, result in results:
        if answer.done():
            continue
        if isinstance(result, Unstored):
            answer.set_exception(result)
        else:
            answer.set_result(result)
