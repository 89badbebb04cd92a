"""
The wish that a run stops: raised at its next step, and in the middle of whatever it waits for.

An exception that a signal raises comes once, at any place, and some places lose it: what is raised
in a finalizer or in a callback of the garbage collector is printed and forgotten. So a wish is a
fact that stays. Whoever takes a step asks for it; a wait ends early by it; and a read that is on
its way is cut. Nothing else is: no write is ever left in the middle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Error = Callable[[], BaseException]
"""Makes the exception anew for each place that raises it."""


class Interrupts:
    """What people wish of one run; safe to use from several threads."""

    def __init__(self) -> None:
        self._wished = threading.Event()
        self._error: Error | None = None
        self.stands_back = False
        self._cuts: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def stop(self, error: Error) -> None:
        """Have the run stop by this exception; the first wish counts."""
        with self._lock:
            if self._error is not None:
                return
            self._error = error
            cuts = tuple(self._cuts)
        self._wished.set()
        for cut in cuts:
            cut()

    def stand_back(self) -> None:
        """Let the run go on without changing anything."""
        self.stands_back = True

    @contextmanager
    def here(self) -> Iterator[None]:
        """Let the steps in this block, and in threads that it starts, hear of the wishes."""
        before = _HERE.set(self)
        try:
            yield
        finally:
            _HERE.reset(before)

    def _wait(self, seconds: float) -> None:
        if self._wished.wait(seconds):
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error()


_HERE: ContextVar[Interrupts | None] = ContextVar("interrupts", default=None)
_SHIELDED: ContextVar[bool] = ContextVar("shielded", default=False)


def _open() -> Interrupts | None:
    """Return what can interrupt this place; None where nothing can."""
    return None if _SHIELDED.get() else _HERE.get()


def check() -> None:
    """Raise what the run is to stop by, if it is to."""
    if (here := _open()) is not None:
        here._raise()  # noqa: SLF001 -- of this module


def sleep(seconds: float) -> None:
    """Let time go by, unless the run is to stop."""
    if (here := _open()) is None:
        time.sleep(seconds)
    else:
        here._wait(seconds)  # noqa: SLF001 -- of this module


def stands_back() -> bool:
    """Say whether the run may go on and change nothing more."""
    here = _HERE.get()
    return here is not None and here.stands_back


@contextmanager
def shielded() -> Iterator[None]:
    """Let nothing interrupt this block: what is put back is put back whole."""
    before = _SHIELDED.set(True)
    try:
        yield
    finally:
        _SHIELDED.reset(before)


@contextmanager
def cuttable(cut: Callable[[], None]) -> Iterator[None]:
    """Have ``cut`` end what this block waits for, once the run is to stop; it then raises that."""
    if (here := _open()) is None:
        yield
        return
    with here._lock:  # noqa: SLF001 -- of this module
        here._cuts.add(cut)  # noqa: SLF001 -- of this module
    try:
        check()
        yield
    except Exception:
        check()
        raise
    finally:
        with here._lock:  # noqa: SLF001 -- of this module
            here._cuts.discard(cut)  # noqa: SLF001 -- of this module
