"""
The first look at CCT, sent as soon as an incident is claimed, beside the making of its run.

What it reads is shared through the ledger like every reading, and the run takes it. So a hundred
incidents about one CCT cost it one set of reads. Nothing depends on it: what is missing the run
reads itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from cct_ops import tracing
from cct_ops.clients.first_looks import FIRST_LOOKS, Read
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.refused_keys import LedgerKeys
from cct_ops.settings import Settings

log = logging.getLogger(__name__)

# Much news at once is one look: the first leaves at once, the next covers all that came meanwhile.
APART_SECONDS = 1.0


Ask = Callable[[str, datetime], None]


@contextmanager
def looking_ahead(engine: sa.Engine, settings: Settings) -> Iterator[Ask]:
    """
    Look ahead beside this block for whoever asks: for a playbook, and since when.

    Where this process does not know CCT, nothing is read ahead.
    """
    try:
        looks = EarlyLooks(engine, settings)
    except BadConfiguration as error:
        log.warning("nothing is read ahead of its run: %s", error)
        yield lambda _playbook, _since: None
        return
    thread = threading.Thread(target=looks.look, name="early looks", daemon=True)
    thread.start()
    try:
        yield looks.ask
    finally:
        looks.stop()
        thread.join()


class EarlyLooks:
    """Looks ahead for the playbooks that are asked for, all reads of a look at once."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        base_url, self._key = settings.cct()
        self._timeout_seconds = settings.request_timeout_seconds
        self._keys = LedgerKeys(engine, base_url)
        self._pacer = LedgerPacer(
            engine,
            base_url,
            settings.requests_per_minute,
            settings.requests_kept_for_writes,
            spare=True,
        )
        self._asked: dict[str, datetime] = {}
        self._traced: dict[str, str | None] = {}  # where who asked last stands in a trace
        self._next_at: dict[str, float] = {}
        self._news = threading.Condition()
        self._over = False

    def ask(self, playbook: str, since: datetime) -> None:
        """Have the reads of this playbook's first look made, if none began since then."""
        if playbook in FIRST_LOOKS:
            with self._news:
                self._asked[playbook] = max(since, self._asked.get(playbook, since))
                self._traced[playbook] = tracing.traceparent()
                self._news.notify()

    def stop(self) -> None:
        """End ``look`` once the look in hand is over."""
        with self._news:
            self._over = True
            self._news.notify()

    def look(self) -> None:
        """Look at what is asked for until ``stop``."""
        with ThreadPoolExecutor(max(map(len, FIRST_LOOKS.values())), "early look") as threads:
            while (asked := self._due()) is not None:
                reads, pacer = FIRST_LOOKS[asked[0]], replace(self._pacer, since=asked[1])
                with (
                    CctTransport(
                        self._pacer.cct, self._key, pacer, self._timeout_seconds, keys=self._keys
                    ) as transport,
                    tracing.span("early look", parent=self._traced.get(asked[0])),
                ):
                    read = partial(_read, tracing.traceparent(), CctReader(transport))
                    list(threads.map(read, reads))

    def _due(self) -> tuple[str, datetime] | None:
        """Wait for a playbook that may be looked for again, and take it; None at the end."""
        with self._news:
            while not self._over:
                now = time.monotonic()
                for playbook in sorted(self._asked, key=lambda each: self._next_at.get(each, 0)):
                    if self._next_at.get(playbook, 0) <= now:
                        self._next_at[playbook] = now + APART_SECONDS
                        return playbook, self._asked.pop(playbook)
                waits = [self._next_at[playbook] - now for playbook in self._asked]
                self._news.wait(min(waits, default=None))
        return None


def _read(parent: str | None, reader: CctReader, read: Read) -> None:
    """Make one read; its answer is for whoever asks the ledger."""
    try:
        with tracing.span("read", parent=parent):
            read(reader)
    except (OpsError, sa.exc.SQLAlchemyError) as error:
        log.info("nothing was seen ahead: %s", error)
