"""Ctrl-C and SIGTERM end what goes on in order, so that it is judged and written down."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Let the first signal end it in order, and the second at once."""
    stop = threading.Event()

    def end(number: int, _: object) -> None:
        if stop.is_set():
            sys.exit(128 + number)
        stop.set()
        sys.stderr.write("what is under way is ended and judged; once more ends it now\n")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
