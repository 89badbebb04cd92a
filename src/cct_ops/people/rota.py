"""
Calendars of the rota: the controller reads each, and keeps what it says for everybody else.

A calendar that is away, broken or cut off leaves the last good copy as it is; people are told once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.clients import calendar
from cct_ops.config import calendars
from cct_ops.config.contacts import Contacts
from cct_ops.config.rota import CalendarPlace, Layer
from cct_ops.errors import BadConfiguration, OpsError, Unavailable
from cct_ops.ledger import clock
from cct_ops.ledger.people import on_call_calendars

EVERY_SECONDS = 60
ASKED_EVERY_SECONDS = 300.0
BEHIND = timedelta(days=8)
AHEAD = timedelta(days=400)

log = logging.getLogger(__name__)


@dataclass
class Calendars:
    """Reads the calendars that the rota names."""

    engine: sa.Engine
    contacts: Contacts
    _asked_at: dict[str, float] = field(default_factory=dict)

    def __call__(self) -> None:
        """
        Read those that it is time for: a file each time, an address every five minutes.

        Raises what is wrong with any of them, once all are read.
        """
        failures = list(self._read_all())
        if failures:
            words = " ".join(str(each) for each in failures)
            kind = (
                Unavailable
                if all(isinstance(each, Unavailable) for each in failures)
                else BadConfiguration
            )
            raise kind(words)

    def _read_all(self) -> Iterator[OpsError]:
        rota = self.contacts.rota
        for layer in rota.layers if rota else ():
            if layer.calendar is None or not self._due(layer):
                continue
            try:
                self._read(layer, layer.calendar)
            except OpsError as error:
                on_call_calendars.mark_unread(
                    self.engine, layer.name, layer.calendar.name, str(error)
                )
                yield error
            else:
                self._asked_at[layer.name] = time.monotonic()

    def _due(self, layer: Layer) -> bool:
        """Say whether it is time; what failed is tried again at the next turn."""
        if layer.calendar is None or layer.calendar.url is None:
            return True
        asked_at = self._asked_at.get(layer.name)
        return asked_at is None or time.monotonic() - asked_at >= ASKED_EVERY_SECONDS

    def _read(self, layer: Layer, place: CalendarPlace) -> None:
        text = calendar.text(place)
        now: datetime = clock.read(self.engine)
        until = now + AHEAD
        names = self.contacts.names
        found = calendars.read(text, place.name, names, layer.timezone, now - BEHIND, until)
        on_call_calendars.keep(
            self.engine, layer.name, place.name, found.planned, found.passed_over, until
        )
