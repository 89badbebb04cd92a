"""Streams the events of the record to the places that policy names, each for itself."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from cct_ops.config import policy
from cct_ops.config.audit_streams import StreamPlace
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.record import streams
from cct_ops.ledger.record.streams import Progress
from cct_ops.ledger.set_aside import border
from cct_ops.people.notifier import Notifier
from cct_ops.record.keys import read_key
from cct_ops.record.sequencer import sequence
from cct_ops.reports.streams import behind_message, caught_up_message, refused_message
from cct_ops.settings import Settings

EVERY_SECONDS = 5.0

log = logging.getLogger(__name__)


class Streams:
    """
    Starts a thread for each stream that has something to send, and reports those that are behind.

    A slow receiver so holds up nobody else. Whoever looks at the policy again sees what is new.
    """

    def __init__(self, engine: sa.Engine, settings: Settings, notifier: Notifier) -> None:
        self._engine = engine
        self._settings = settings
        self._notifier = notifier
        self._read: tuple[object, Mapping[str, StreamPlace]] = (None, {})
        self._named: Mapping[str, StreamPlace] | None = None
        self._threads: dict[str, threading.Thread] = {}

    def __call__(self) -> None:
        """Look once; returns before anything was sent."""
        places = self._places()
        if places != self._named:
            self._record_named(places)
        if not places:
            return
        origin = self._origin()
        sequence(self._engine)  # a SIEM is not to wait for the next checkpoint
        found = {each.name: each for each in streams.progress(self._engine)}
        if places.keys() - found.keys():  # retired by a controller with an older policy
            self._record_named(places)
        named = [(found[name], place) for name, place in places.items() if name in found]
        for stream, place in named:
            if stream.due:
                self._start(place, origin)
        # a Slack that does not answer holds up no stream
        notices: list[tuple[str, Callable[[], None]]] = [
            (stream.name, partial(self._report, stream, place)) for stream, place in named
        ]
        notices.append(("what was refused", self._report_refusals))
        border(self._engine, "notices on audit streams").each(
            notices, lambda each: each[0], lambda each: each[1]()
        )

    def _record_named(self, places: Mapping[str, StreamPlace]) -> None:
        from_start = {name: place.begin == "start" for name, place in places.items()}
        streams.record_named(self._engine, from_start)
        self._named = places

    def _places(self) -> Mapping[str, StreamPlace]:
        """Return the streams that policy names now; the file is read when it is another."""
        path = self._settings.policy_path
        seen = _state_of(path)
        if seen is None or self._read[0] != seen:
            named = policy.read(path).audit.streams
            self._read = seen, {place.name: place for place in named}
        return self._read[1]

    def _origin(self) -> str:
        if self._settings.record_path is None:
            raise BadConfiguration(
                "the streams of policy.yaml need the log's key, whose name is the source of each"
                " event: set CCT_OPS_RECORD_PATH"
            )
        return read_key(self._settings.record_path).name

    def _start(self, place: StreamPlace, origin: str) -> None:
        known = self._threads.get(place.name)
        if known is not None and known.is_alive():
            return
        work = partial(self._send, place, origin)
        attempt = partial(border(self._engine, "audit streams").attempt, place.name, work)
        thread = threading.Thread(target=attempt, name=f"stream {place.name}", daemon=True)
        self._threads[place.name] = thread
        thread.start()

    def _send(self, place: StreamPlace, origin: str) -> None:
        """Send for a turn, unless another controller does."""
        # what it is made with is needed where there is a stream, and nowhere else
        from cct_ops.record.stream.turn import take_turn

        with streams.sending(self._engine, place.name) as cursor:
            if cursor is not None:
                take_turn(cursor, place, origin, self._settings.record_path or Path())

    def _report(self, stream: Progress, place: StreamPlace) -> None:
        """Notify people once that a stream is behind, and once that it is not any more."""
        late = stream.behind_seconds > 60 * place.behind_minutes
        if late is (stream.notified_at is not None):
            return
        with streams.turned(self._engine, stream.name, behind=late) as first:
            if first:
                message = behind_message(stream, place.where) if late else caught_up_message(stream)
                log.warning("%s", message[0])
                self._notifier.send(message)

    def _report_refusals(self) -> None:
        with streams.unnotified(self._engine) as refused:
            if refused:
                log.warning("%d audit events were refused", len(refused))
                self._notifier.send(refused_message(refused))


def _state_of(path: Path) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 -- as the file's name stands
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
