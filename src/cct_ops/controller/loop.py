"""
The controller's threads.

Rows with different fates have lanes of their own, so a Slack that hangs holds up no playbook. A row
at which something unforeseen fails is dead-lettered with the reason, and a job goes on at its next
turn; people are notified of both once. A thread that dies all the same ends the process: a
supervisor starts it anew, and the row it held comes back when its lease ends.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from cct_ops.controller import metrics
from cct_ops.ledger import set_aside
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.outbox import Claim
from cct_ops.ledger.set_aside import border, passes, reason_of

LEASE_SECONDS = 30.0
POLL_SECONDS = 1.0
NEWS_SECONDS = 0.2
LISTEN_SECONDS = 1.0
"""The pause between the listener's checks that all threads live; news and a stop wake it."""
REST = 5
"""So many times the poll is how long it rests while the ledger tells of news and nothing is due."""
FOLLOW_SECONDS = 10.0
"""How often the other threads of a lane look by themselves: its first one looks for all of them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lane:
    """The rows of one purpose, how many may be worked on at once, and what is done with each."""

    purpose: str
    workers: int
    handle: Callable[[Claim], None]


@dataclass(frozen=True)
class Periodic:
    """A job that is done again and again, whatever it says; ``on_news`` also when it is woken."""

    name: str
    every_seconds: float
    function: Callable[[], object]
    on_news: bool = False


class Controller:
    """Works on due rows until it is stopped."""

    def __init__(
        self,
        engine: sa.Engine,
        lanes: Sequence[Lane],
        periodics: Sequence[Periodic] = (),
        *,
        lease_seconds: float = LEASE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._engine = engine
        self._lanes = lanes
        self._periodics = periodics
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._heard = 0
        self._hears = False
        self._stop_line: socket.socket | None = None

    def stop(self) -> None:
        """Ask the threads to finish what they have in hand; safe inside a signal handler."""
        self._stopping.set()
        if self._stop_line is not None:
            with suppress(OSError):  # it is over already
                self._stop_line.send(b"s")

    def run(self, ready: Callable[[], None], patience_seconds: float = 5) -> None:
        """Work until ``stop``; rows that take longer than the patience come back by their lease."""
        threads = [
            threading.Thread(target=self._work, args=(lane, pace), name=lane.purpose, daemon=True)
            for lane in self._lanes
            for pace in (self._poll_seconds, *[FOLLOW_SECONDS] * (lane.workers - 1))
        ]
        threads += [
            threading.Thread(target=self._repeat, args=(job,), name=job.name, daemon=True)
            for job in self._periodics
        ]
        for thread in threads:
            thread.start()
        stopped, self._stop_line = socket.socketpair()
        with closing(stopped), closing(self._stop_line):
            ready()
            while not self._stopping.is_set():
                self._listen(threads, stopped)
                self._stopping.wait(self._poll_seconds)
        self._wake()
        deadline = time.monotonic() + patience_seconds
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))

    def _listen(self, threads: Sequence[threading.Thread], stopped: socket.socket) -> None:
        """Wake the workers whenever the ledger says that there is something; they poll anyway."""
        try:
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, psycopg.Connection)  # noqa: S101 -- for mypy
                connection.detach()  # nobody else must be handed a connection that listens
                connection.execute(sa.text(outbox.LISTEN))
                self._hears = True
                self._wake()  # for what was queued before we listened
                while not self._stopping.is_set():
                    # psycopg itself would look ten times a second
                    select.select([driver.fileno(), stopped.fileno()], [], [], LISTEN_SECONDS)
                    for _ in driver.notifies(timeout=0):
                        self._wake()
                    dead = [thread.name for thread in threads if not thread.is_alive()]
                    if dead and not self._stopping.is_set():  # in this order: else they just ended
                        raise SystemExit(f"controller: a thread died: {', '.join(dead)}")
        except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
            log.warning("not listening to the ledger, only polling: %s", type(error).__name__)
        finally:
            self._hears = False

    def _work(self, lane: Lane, pace: float) -> None:
        """Take due rows one by one, and sleep when there are none."""
        news = True
        while not self._stopping.is_set():
            heard, rest = self._heard, pace
            try:
                claim = outbox.claim(self._engine, lane.purpose, self._lease_seconds)
                if claim is not None:
                    if not news:  # it came due by itself, and others may have as well
                        self._wake()
                        news = True
                    self._handle(lane, claim)
                    continue
                if self._hears and pace == self._poll_seconds:
                    rest = self._rest_seconds(lane)
            except sa.exc.SQLAlchemyError as error:
                log.warning("the ledger does not answer: %s", type(error).__name__)
            self._sleep(rest, heard)
            news = self._heard != heard

    def _rest_seconds(self, lane: Lane) -> float:
        """Return how long a lane may rest: until its next row is due, which no news tell of."""
        next_seconds = outbox.seconds_to_next(self._engine, lane.purpose)
        longest = REST * self._poll_seconds
        if next_seconds is None:
            return longest
        # a row that is due and was not had is in another's hands
        return min(longest, next_seconds) if next_seconds > 0 else self._poll_seconds

    def _handle(self, lane: Lane, claim: Claim) -> None:
        """Deal with a row, or dead-letter it: it must not block those behind it."""
        try:
            with metrics.DISPATCH_SECONDS.labels(lane.purpose).time():
                lane.handle(claim)
        except Exception as error:
            if passes(error):
                raise  # the ledger does not answer: its lease brings the row back
            metrics.DISPATCHES.labels(lane.purpose, "dead-lettered").inc()
            reason = f"It could not be dealt with: {reason_of(error)}."
            log.exception("row %s of %s is dead-lettered", claim.id, lane.purpose)
            if lane.purpose == outbox.REMEDIATE:
                outbox.hand_to_people(
                    self._engine, claim, state=outbox.DEAD_LETTERED, rule=None, reason=reason
                )
            else:  # what says so is another message, which holds nothing of this one
                outbox.mark_dead_lettered(self._engine, claim, reason)
                set_aside.put(self._engine, f"{lane.purpose}s", str(claim.id), reason)

    def _repeat(self, job: Periodic) -> None:
        """Do the job at its pace; what fails is tried again at the next turn."""
        jobs, well = border(self._engine, "jobs of the controller"), False
        failures = metrics.JOB_FAILURES.labels(job.name)
        while not self._stopping.is_set():
            heard = self._heard
            with metrics.JOB_SECONDS.labels(job.name).time():
                well = jobs.attempt(job.name, job.function, known=not well)
            if not well:
                failures.inc()
            if job.on_news:
                self._sleep(job.every_seconds, heard)
                # Whoever starts runs goes first, and much news at once is one turn.
                self._stopping.wait(NEWS_SECONDS)
            else:
                self._stopping.wait(job.every_seconds)

    def _sleep(self, seconds: float, heard: int) -> None:
        """Wait, but no longer than until there is more news than was ``heard``."""
        with self._news:
            self._news.wait_for(lambda: self._heard != heard, timeout=seconds)

    def _wake(self) -> None:
        with self._news:
            self._heard += 1
            self._news.notify_all()
