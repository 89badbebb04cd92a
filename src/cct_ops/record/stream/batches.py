"""Sends a stream's leaves in order, and moves its cursor behind those that were taken."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Protocol

import sqlalchemy as sa

from cct_ops.clients.connection import doubled
from cct_ops.errors import BadConfiguration, OpsError, Rejected, Unavailable
from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.log_incidents import Related, related
from cct_ops.ledger.record.streams import Cursor
from cct_ops.record.stream import events
from cct_ops.redaction import redact

MOST_BYTES = 512 * 1024
"""So much is sent at once, unless one event alone is larger: many servers take 1 MB."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
TURN_SECONDS = 60.0
"""After so long a sender lets others look whether the stream is still wanted."""


class Receiver(Protocol):
    """
    Where events go; it returns once they are safe there.

    Raises ``Unavailable`` for what passes, ``Rejected`` for events that it will never take, and
    ``BadConfiguration`` for what a person has to correct.
    """

    def take(self, sent: Sequence[bytes]) -> None:
        """Take these events, in this order."""


def send(cursor: Cursor, receiver: Receiver, origin: str, batch_events: int) -> None:
    """
    Send what is due, for one turn; a failure is recorded with the time of the next attempt.

    An event goes before the next one, and its copy may come again: the cursor moves when the
    receiver has said that it has it. What it will never take is replaced by a small notice; where
    it does not take that either, it is not about the event, and the stream waits.
    """
    until, most = time.monotonic() + TURN_SECONDS, batch_events
    try:
        while time.monotonic() < until:
            leaves = cursor.leaves(most)
            if not leaves:
                return
            made = _made(cursor, leaves, origin)
            fitting = _fitting(made)
            try:
                receiver.take(made[:fitting])
            except Rejected as error:
                if fitting > 1:
                    most = max(1, fitting // 2)
                    continue
                _replace(cursor, receiver, leaves[0], origin, str(error))
            else:
                cursor.move(fitting)
            most = min(batch_events, most * 2)
    except sa.exc.SQLAlchemyError:
        raise  # the ledger is away, and could not be told either
    except Exception as error:
        mark_failed(cursor, error)
        if not isinstance(error, OpsError):
            raise


def mark_failed(cursor: Cursor, error: Exception) -> None:
    """Note a failure, and how long the stream waits then: longer each time."""
    pause = doubled(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, cursor.failures())
    pause *= random.uniform(0.75, 1.25)  # noqa: S311 -- so that several do not come in step
    if isinstance(error, Unavailable) and error.retry_after_seconds is not None:
        pause = max(pause, error.retry_after_seconds)
    said = str(error) if isinstance(error, OpsError) else type(error).__name__
    cursor.mark_failed(redact(said), pause)


def _made(cursor: Cursor, leaves: Sequence[Leaf], origin: str) -> list[bytes]:
    said = [events.parsed(leaf) for leaf in leaves]
    about = related(cursor.connection, said)
    return [
        events.event(leaf, content, each, origin)
        for leaf, content, each in zip(leaves, said, about, strict=True)
    ]


def _fitting(made: Sequence[bytes]) -> int:
    """Return how many of them go at once: one at least."""
    size = 0
    for count, each in enumerate(made):
        size += len(each)
        if size > MOST_BYTES and count:
            return count
    return len(made)


def _replace(cursor: Cursor, receiver: Receiver, leaf: Leaf, origin: str, reason: str) -> None:
    """Let a notice stand for an event, where the receiver takes that."""
    said = events.parsed(leaf)
    about: Related = related(cursor.connection, [said])[0]
    try:
        receiver.take([events.notice(leaf, said, about, origin, reason)])
    except Rejected:
        raise BadConfiguration(
            f"it takes no event at all, not even a small one: {reason}"
        ) from None
    cursor.move_past(redact(reason))
