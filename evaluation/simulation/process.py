"""A process of the simulated worker: plain code in which simulated time goes by."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from greenlet import greenlet

from cct_ops.errors import NotPermitted
from evaluation.simulation.scenario import START
from evaluation.simulation.scheduler import Activity, Scheduler

T = TypeVar("T")

# A poll of every second would make the week a day.
SHORTEST_WAIT = timedelta(seconds=15)


class Process:
    """
    One process, which is also the clock of the run that it works on.

    Its work has a stack of its own, and goes on only while the process's activity has its turn.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._work: greenlet | None = None
        self.asleep = False
        self.dead = False
        self.struck = False
        """True if it ever slept or was held up: what it does then may be refused."""

    def activity(self, work: Callable[[], T]) -> Generator[timedelta, None, T | None]:
        """Do the work as a activity, and return what it returns; None for one that died."""
        self._work = greenlet(work)
        while True:
            said = self._work.switch()
            if self._work.dead:
                ended: T = said
                return ended
            if self.dead:
                return None  # its stack stays as it is: one that was killed runs no finally
            yield said

    def monotonic(self) -> float:
        """Return how many seconds of the simulation are over."""
        return (self._scheduler.now - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let time go by, but no less than is worth a turn."""
        self._wait(max(SHORTEST_WAIT, timedelta(seconds=seconds)))

    @contextmanager
    def repeating(self, seconds: float, renew: Callable[[], None], _name: str) -> Iterator[None]:
        """Renew something beside the process, while that lives and is awake."""
        over = False

        def beat() -> Activity:
            while True:
                yield timedelta(seconds=seconds)
                if over or self.dead:
                    return
                try:
                    if not self.asleep:
                        renew()
                except NotPermitted:
                    return

        self._scheduler.begin(self._scheduler.now, beat())
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
        """Let go of the work, once nothing that it does counts any more."""
        if self._work:
            self._work.throw()

    def _wait(self, pause: timedelta) -> None:
        """Let the others have their turn; ``GreenletExit`` is raised here in the end."""
        if self._work is not None:
            self._work.parent.switch(pause)
