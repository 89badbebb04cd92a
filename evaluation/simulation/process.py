"""A process of the simulated worker: plain code in which simulated time goes by."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from cct_ops.errors import NotPermitted
from evaluation.simulation.days import Course, Days
from evaluation.simulation.scenario import START

T = TypeVar("T")

# A poll of every second would make the week a day.
SHORTEST_WAIT = timedelta(seconds=15)


class Over(BaseException):
    """Ends what is left of a process when the simulation is over."""


class Process:
    """
    One process, which is also the clock of the run that it works on.

    It has a thread of its own that goes on only while the course of the process has its turn, so
    that of all threads one runs at a time, and always in the same order.
    """

    def __init__(self, days: Days) -> None:
        self._days = days
        self._begins, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._pause = timedelta(0)
        self._thread: threading.Thread | None = None
        self._is_over = False
        self.asleep = False
        self.dead = False
        self.struck = False
        """True if it ever slept or was held up: what it does then may be refused."""

    def course(self, work: Callable[[], T]) -> Generator[timedelta, None, T | None]:
        """Do the work as a course, and return what it returns; None for one that died."""
        done: Future[T] = Future()

        def run() -> None:
            self._begins.acquire()
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 -- it goes on where the result is wanted
                done.set_exception(error)
            self._waits.release()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        while True:
            self._begins.release()
            self._waits.acquire()
            if done.done():
                return done.result()
            if self.dead:
                return None  # its thread stays where it is: one that was killed runs no finally
            yield self._pause

    def monotonic(self) -> float:
        """Return how many seconds of the simulation are over."""
        return (self._days.now - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let time go by, but no less than is worth a turn."""
        self._wait(max(SHORTEST_WAIT, timedelta(seconds=seconds)))

    @contextmanager
    def repeating(self, seconds: float, renew: Callable[[], None], _name: str) -> Iterator[None]:
        """Renew something beside the process, while that lives and is awake."""
        over = False

        def beat() -> Course:
            while True:
                yield timedelta(seconds=seconds)
                if over or self.dead:
                    return
                try:
                    if not self.asleep:
                        renew()
                except NotPermitted:
                    return

        self._days.begin(self._days.now, beat())
        try:
            yield
        finally:
            over = True

    def stall(self, pause: timedelta) -> None:
        """Be stopped for so long, as a process in a machine that is suspended."""
        self.struck = self.asleep = True
        self._wait(pause)
        self.asleep = False

    def dawdle(self, pause: timedelta) -> None:
        """Be held up for so long, alive."""
        self.struck = True
        self._wait(pause)

    def die(self) -> None:
        """Be killed here."""
        self.dead = True
        self._wait(timedelta(0))

    def end(self) -> None:
        """Let go of the thread, once nothing that it does counts any more."""
        self._is_over = True
        if self._thread is not None and self._thread.is_alive():
            self._begins.release()
            self._thread.join()

    def _wait(self, pause: timedelta) -> None:
        if self._is_over:
            raise Over
        self._pause = pause
        self._waits.release()
        self._begins.acquire()
        if self._is_over:
            raise Over
