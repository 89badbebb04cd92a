"""Waiting for facts about processes, with a deadline instead of a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import psutil


def processes() -> Iterator[psutil.Process]:
    """
    Every process that there is now.

    ``psutil.process_iter`` remembers those of before: of an id that is used again meanwhile, as
    long runs of tests use all of them, it yields the dead one for ever.
    """
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)


def eventually(fact: Callable[[], object], *, seconds: float = 60.0) -> None:
    """
    Wait until it holds, and fail when it does not in time.

    To look is work for the very parts that are waited for: what takes longer is looked at less.
    """
    began = time.monotonic()
    while not fact():
        waited = time.monotonic() - began
        assert waited < seconds, f"not within {seconds:g} s"
        time.sleep(min(0.02 + waited / 20, 0.3))


def marked(marker: str) -> list[psutil.Process]:
    """Every live process with the marker in its command line."""
    found = []
    for process in processes():
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and any(marker in word for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of them runs any more; a zombie does not run."""
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            continue
    return True
