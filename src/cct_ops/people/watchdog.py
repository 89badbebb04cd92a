"""
The gateway and the controller watch each other: whoever is silent cannot say so itself.

A downtime of everything is no silence of a part: the watchdog counts from when it began to listen,
and anew from when it can listen again (its process, its machine or the ledger stood still
meanwhile). Both write a sign of life into the ledger and read the other's. That a part is silent is
said once, and so is that it is back.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.ledger.people import heartbeats, pages
from cct_ops.ledger.set_aside import border
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.reports.messages import part_command, silence_message
from cct_ops.reports.pages import silence_page

GATEWAY = "gateway"
CONTROLLER = "controller"

EVERY_SECONDS = 10.0
WITHIN_SECONDS = 60.0
STARTS_WITHIN_SECONDS = 300.0  # after us: of the parts of a stack the gateway is the first

log = logging.getLogger(__name__)


@dataclass
class Listening:
    """The time since when a watchdog has listened without a pause, and of its last look."""

    since: datetime | None = None
    last: datetime | None = None

    def again(self, now: datetime, within_seconds: float) -> datetime:
        """Listen once more; returns since when that goes on."""
        paused = self.last is None or now - self.last > timedelta(seconds=within_seconds)
        since = now if paused or self.since is None else self.since
        self.since, self.last = since, now
        return since


@dataclass(frozen=True)
class PeerWatchdog:
    """
    One part watches over another.

    ``pager`` sends pages while the other, whose work that is, is silent.
    """

    engine: sa.Engine
    part: str
    other: str
    notifier: Notifier
    within_seconds: float = WITHIN_SECONDS
    pager: Pager | None = None
    listening: Listening = field(default_factory=Listening)

    def __call__(self) -> None:
        """Write our own heartbeat, and notify people when the other's has stopped or is back."""
        now = heartbeats.beat(self.engine, self.part, listening_for=self.other)
        since = self.listening.again(now, self.within_seconds)
        longer = STARTS_WITHIN_SECONDS - self.within_seconds
        with heartbeats.changed(
            self.engine, self.other, self.within_seconds, since, longer_to_start=longer
        ) as change:
            if change is None:
                return
            message = silence_message(change.part, change.last_at, silent=change.silent)
            log.warning("%s", message[0])
            if change.silent:
                command = part_command(change.part)
                subject, body = silence_page(change.part, change.last_at, command)
                cause = pages.of_silence(change.part, change.last_at)
                pages.ask(self.engine, cause, subject=subject, body=body)
            self.notifier.send(message)

    def page(self) -> None:
        """Send what pages are due, if that is the work of a part that is silent."""
        if self.pager is not None and heartbeats.silent(
            self.engine, (self.other,), self.within_seconds
        ):
            self.pager()

    def run(self, stopping: threading.Event) -> None:
        """Look again and again until ``stopping`` is set; what fails is tried again next time."""
        looks = border(self.engine, f"jobs of the {self.part}")
        while not stopping.is_set():
            # A Slack that is down holds up no page.
            looks.attempt(f"the watchdog of the {self.other}", self)
            looks.attempt(f"pages in place of the {self.other}", self.page)
            stopping.wait(EVERY_SECONDS)
