"""One stream of a ledger with a log, and the turns in which it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cct_ops.config.audit_streams import StreamPlace
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import streams
from cct_ops.ledger.record.stream_tables import audit_streams
from cct_ops.ledger.record.streams import Progress
from cct_ops.record.sequencer import sequence
from cct_ops.record.stream.turn import take_turn
from tests.controller.wire import Answer, Behaviour, Request

ORIGIN = "cct-ops.log/c0ffee00"


@dataclass
class Streamed:
    """A stream called siem, which begins at the start of the log."""

    engine: sa.Engine
    place: StreamPlace
    folder: Path

    def __post_init__(self) -> None:
        """Let the ledger know it."""
        streams.record_named(self.engine, {self.place.name: True})

    def happen(self, times: int, reason: str = "a drill") -> None:
        """Let so many things happen that become leaves."""
        for number in range(times):
            switches.stop(self.engine, f"{reason} {number}", "ada")
        sequence(self.engine)

    def turn(self) -> Progress:
        """Let a controller have its turn, now; returns how far the stream is then."""
        with self.engine.begin() as tx:
            tx.execute(sa.update(audit_streams).values(next_attempt_at=sa.func.now()))
        with streams.sending(self.engine, self.place.name) as cursor:
            assert cursor is not None
            take_turn(cursor, self.place, ORIGIN, self.folder)
        return self.progress()

    def progress(self) -> Progress:
        """Return how far it is."""
        (found,) = streams.progress(self.engine)
        return found


def place(**given: Any) -> StreamPlace:
    """Return a place as policy writes it."""
    return StreamPlace.model_validate({"name": "siem", "from": "start"} | given)


def positions(events: list[dict[str, Any]]) -> list[int]:
    """Return which leaves the events are, in their order."""
    return [int(event["sequence"]) for event in events]


@dataclass
class Taking:
    """An endpoint that keeps what it takes, and refuses what it is told to."""

    refuses: Callable[[list[dict[str, Any]]], Answer | None] = lambda _: None
    taken: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        """Take a batch."""
        sent = json.loads(request.body)
        events = sent if isinstance(sent, list) else [sent]
        refused = self.refuses(events)
        if refused is not None:
            return refused
        self.taken += events
        return Answer(200)

    @property
    def behaviour(self) -> Behaviour:
        """What a wire does then."""
        return self
