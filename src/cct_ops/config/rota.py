"""The rota of deployments/contacts.yaml: layers of people who are on call in turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, model_validator

from cct_ops.config.sources import KeyReference
from cct_ops.models.base import Frozen
from cct_ops.models.maintenance import DAYS, ClockTime, Day, Zone
from cct_ops.models.on_call import Planned

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

WEEK = timedelta(days=7)


class HandOver(Frozen):
    """The weekday, and the time on the wall there, at which the next person takes over."""

    day: Day
    time: ClockTime


class CalendarPlace(Frozen):
    """An iCalendar: a file, or where an address is kept that the controller asks for it."""

    path: Path | None = None
    url: KeyReference | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("say where the calendar is: either path: or url:")
        return self

    @property
    def name(self) -> str:
        """What it is called in messages: never an address."""
        return str(self.path) if self.url is None else f"the calendar at {self.url.name}"


class Layer(Frozen):
    """
    A line of people of whom one is on call at a time.

    Either ``people`` take turns of a week, the first of them from the first hand-over on or after
    ``starts``; or a ``calendar`` says whose time it is. ``timezone`` is whose clock hand-overs are
    meant by, and events of a calendar that name none.
    """

    name: Name
    timezone: Zone
    people: tuple[Name, ...] = ()
    starts: date | None = None
    hand_over: HandOver | None = None
    calendar: CalendarPlace | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        weekly = (bool(self.people), self.starts is not None, self.hand_over is not None)
        if self.calendar is not None and any(weekly):
            raise ValueError(
                "a layer has a calendar, or people with starts and hand_over, not both"
            )
        if self.calendar is None and not all(weekly):
            raise ValueError("a layer takes people, starts and hand_over, or else a calendar")
        return self

    def weekly(self, begin: datetime, end: datetime) -> Iterator[Planned]:
        """
        Yield the weekly turns that lie in this time, at least in part.

        A hand-over keeps its time on the wall when the clocks change. Where they are put forward
        over it, it is later by as much; where they are put back over it, it is at the first.
        """
        if self.starts is None or self.hand_over is None:
            return
        zone, at = ZoneInfo(self.timezone), self.hand_over.time
        ahead = (DAYS.index(self.hand_over.day) - self.starts.weekday()) % 7
        first = self.starts + timedelta(days=ahead)
        since = max(0, (begin.astimezone(zone).date() - first) // WEEK - 1)
        for number in range(since, since + (end - begin) // WEEK + 4):
            day = first + number * WEEK
            yield Planned(
                person=self.people[number % len(self.people)],
                begins=datetime.combine(day, at, zone).astimezone(UTC),
                ends=datetime.combine(day + WEEK, at, zone).astimezone(UTC),
            )


class Rota(Frozen):
    """
    Layers in the order in which they are paged, and then the ``fallback``.

    Where a layer has nobody, the first of the fallback is on call in its place.
    """

    layers: tuple[Layer, ...] = Field(min_length=1)
    fallback: tuple[Name, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_of_each_name(self) -> Self:
        names = [layer.name for layer in self.layers]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two layers are called {', '.join(repeated)}")
        return self

    @property
    def named(self) -> set[str]:
        """All who are named in it."""
        return {*self.fallback, *(person for layer in self.layers for person in layer.people)}
