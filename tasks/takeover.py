"""
The ear of a run's process: it hears that a person takes the run over, or that it is to terminate.

The ledger is asked twice a second, by a thread: it holds whatever else is down, wherever the run
works, and a connection that listens would be one more for each run.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from select import select
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import prefect.task_engine
import sqlalchemy as sa
from prefect.exceptions import TerminationSignal

from cct_ops.beside import beside
from cct_ops.interrupts import Interrupts, sleep
from cct_ops.ledger.gate import takeovers
from cct_ops.models.takeover import TakenOver

POLL_SECONDS = 0.5
_OVER = b"\0"  # no signal has this number

_log = logging.getLogger(__name__)

# Prefect sleeps between the tries of a task, for up to sixteen seconds here.
_engine: Any = prefect.task_engine
_engine.time = SimpleNamespace(**{**vars(time), "sleep": sleep})


@contextmanager
def heard(engine: sa.Engine, run_id: UUID) -> Iterator[None]:
    """Have the steps in this block interrupted once somebody wants that."""
    interrupts = Interrupts()
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs), ExitStack() as listening:
        if threading.current_thread() is threading.main_thread():
            listening.enter_context(_signals_into(theirs))
        _ask(engine, run_id, interrupts)
        listen = partial(_listen, engine, run_id, interrupts, ours)
        listening.enter_context(beside(lambda _over: listen(), f"takeover of {run_id}"))
        listening.callback(theirs.send, _OVER)
        with interrupts.here():
            yield


@contextmanager
def _signals_into(line: socket.socket) -> Iterator[None]:
    """
    Have the number of each signal that comes written into the line.

    Python does so itself, before it calls any handler. What the handler raises may be lost.
    """
    line.setblocking(False)
    before = signal.set_wakeup_fd(line.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


def _listen(engine: sa.Engine, run_id: UUID, interrupts: Interrupts, line: socket.socket) -> None:
    while True:
        came = line.recv(64) if select([line], [], [], POLL_SECONDS)[0] else b""
        if _OVER in came:
            return
        if signal.SIGTERM in came:
            interrupts.stop(lambda: TerminationSignal(signal=signal.SIGTERM))
        try:
            _ask(engine, run_id, interrupts)
        except sa.exc.SQLAlchemyError as error:
            _log.debug("whether somebody takes the run over is not known: %s", error)
        except Exception:  # noqa: BLE001 -- it is logged, and asked again
            _log.exception("Whether somebody takes the run over is not known.")


def _ask(engine: sa.Engine, run_id: UUID, interrupts: Interrupts) -> None:
    taken = takeovers.of_run(engine, run_id)
    if taken is None:
        return
    if taken.choice.stops:
        interrupts.stop(lambda: TakenOver(taken))
    elif not interrupts.stands_back:
        interrupts.stand_back()
        takeovers.mark_stopped(engine, run_id)
