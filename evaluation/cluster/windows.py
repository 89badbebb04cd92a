"""One fault after another, each with the time in which whatever breaks is laid at its door."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from evaluation.cluster import faults
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.exposures import Counters, counters
from evaluation.cluster.fault import Fault
from evaluation.cluster.findings import Finding
from evaluation.cluster.names import Claim, Phase
from evaluation.cluster.phases import phases
from evaluation.cluster.probe import Probe
from evaluation.cluster.results import Pair
from evaluation.cluster.temporary import Hurt

RECOVERY_SECONDS = 120.0
APART_SECONDS = 15.0  # at least, so that what breaks is laid at the right door
_ANSWERS_SECONDS = 60.0
_TRIES = 3
_CLOCK = timedelta(seconds=60)  # what is nearer than that is on time


@dataclass
class Window:
    """
    One fault as it went, from its beginning to that of the next one.

    ``off`` is how far the ledger's clock was away from ours while it lasted: what the ledger dates
    into that time is its own as well.
    """

    fault: Fault
    began: datetime
    lasted: float = 0.0
    well_after: float | None = None
    longest_answer: float = 0.0
    exposures: dict[Claim, int] = field(default_factory=dict)
    phases: dict[Phase, int] = field(default_factory=dict)
    off: timedelta = timedelta()
    until: datetime | None = None
    failed: bool = False
    cut_short: bool = False

    @property
    def pair(self) -> Pair | None:
        """The part and the kind of its fault, where that is of a cell."""
        if self.fault.part is None or self.fault.kind is None:
            return None
        return self.fault.part, self.fault.kind

    @property
    def hurt(self) -> Hurt:
        """The time from the beginning of the fault until all was well again."""
        well = RECOVERY_SECONDS if self.well_after is None else self.well_after
        return Hurt(self.began, self.began + timedelta(seconds=self.lasted + well), self.off)

    def is_settled(self, before: datetime | None) -> bool:
        """Say whether it came to something and ended, ``before`` that moment if one is given."""
        if self.failed or self.cut_short:
            return False
        return before is None or (self.until is not None and self.until < before)

    def findings(self, all_found: Iterable[Finding]) -> list[Finding]:
        """Return those that are laid at its door: what lasts, at that of each fault meanwhile."""
        return [each for each in all_found if self._has(each)]

    def _has(self, found: Finding) -> bool:
        over = self.until or datetime.max.replace(tzinfo=UTC)
        return any(
            found.at - off < over and (found.until or found.at) - off >= self.began
            for off in {timedelta(), self.off}
        )


@dataclass
class Bench:
    """A cluster that works, to be hurt; ``stop`` ends what goes on, as soon as all is healed."""

    made: Cluster
    probe: Probe
    engine: sa.Engine
    stop: threading.Event
    windows: list[Window] = field(default_factory=list)

    def hurt(self, fault: Fault, apart: float = APART_SECONDS) -> Window:
        """Let a fault come, last and go; wait until all is well and these seconds are over."""
        before = counters(self.engine)
        window = Window(fault, datetime.now(UTC))
        if self.windows:
            self.windows[-1].until = window.began
        self.windows.append(window)
        at = time.monotonic()
        try:
            fault.begins()
            self.stop.wait(fault.seconds / 2)
            window.off = _clock_off(self.engine) if fault.kind == "clock ±5 min" else timedelta()
            self.stop.wait(max(0.0, at + fault.seconds - time.monotonic()))
        finally:
            fault.ends()
        ended = time.monotonic()
        window.lasted = ended - at
        window.cut_short = self.stop.is_set()
        window.well_after = recovery(self.made, self.probe, ended)
        window.longest_answer = self.probe.longest_since(at)
        self._look_back(window, before)
        self.stop.wait(max(0.0, at + apart - time.monotonic()))
        return window

    def heal(self) -> bool:
        """End whatever is left of any fault, and say whether all is well then."""
        faults.heal(self.made)
        return recovery(self.made, self.probe, time.monotonic()) is not None

    def unwell(self) -> list[str]:
        """Return the names of the processes that do not do their work."""
        return [name for name, each in self.made.members.items() if not each.is_well()]

    def _look_back(self, window: Window, before: Counters) -> None:
        """Say what the fault could have hurt; a ledger that does not answer is a failure."""
        until = time.monotonic() + _ANSWERS_SECONDS
        while True:
            try:
                window.exposures = before.until(counters(self.engine))
            except sa.exc.SQLAlchemyError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)
            else:
                break
        shift = window.off
        window.phases = phases(self.engine, window.began + shift, datetime.now(UTC) + shift)


def recovery(made: Cluster, probe: Probe, ended: float) -> float | None:
    """Wait until all is well and senders are answered at once; returns the seconds since then."""
    while time.monotonic() < ended + RECOVERY_SECONDS:
        if all(each.is_well() for each in made.members.values()) and probe.is_quick_since(ended):
            return time.monotonic() - ended
        for member in made.members.values():
            member.start()  # as a host's supervisor does with what has died by itself
        time.sleep(0.5)
    return None


def _clock_off(engine: sa.Engine) -> timedelta:
    """Return how far the ledger's clock is away from ours; nothing where it does not answer."""
    for _ in range(_TRIES):  # connections of before it was started anew come first
        with suppress(sa.exc.SQLAlchemyError), engine.connect() as connection:
            there: datetime = connection.execute(sa.text("select clock_timestamp()")).scalar_one()
            off = there - datetime.now(UTC)
            return off if abs(off) > _CLOCK else timedelta()
    return timedelta()
