"""
What really happens to the targets, noted by the world itself and not by those who act on it.

The world asks nobody whether a thing was allowed. It keeps every value and every write: a write
that lands between two writes of another run, or while that one watches what it did, is concurrent;
a weakening that is still in effect long after its time is overdue; and whoever puts back a value
that a person has set by hand meanwhile has overwritten that person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from cct_ops.models.plan import Call
from evaluation.simulation.scenario import USUAL

# A lock that a run held which stalled or died may delay a revert for as long as that lasts.
LATE = timedelta(minutes=30)
# And a dead one is noticed and recovered in less than this.
LONG = timedelta(hours=2)


class Value(StrEnum):
    """A value that can be set at a target."""

    SERVING = "serving"
    DRAINED = "drained"
    HOME = "home"
    AWAY = "away"
    STRICT = "strict"
    WEAK = "weak"
    FREE = "free"
    LIMITED = "limited"
    BY_HAND = "as a person wants it"


KNOBS = {
    "drain": ("traffic", Value.DRAINED),
    "fill": ("traffic", Value.SERVING),
    "switch": ("region", Value.AWAY),
    "switch_back": ("region", Value.HOME),
    "weaken": ("check", Value.WEAK),
    "restore": ("check", Value.STRICT),
    "limit": ("load", Value.LIMITED),
    "lift": ("load", Value.FREE),
}
AT_FIRST = {
    "traffic": Value.SERVING,
    "region": Value.HOME,
    "check": Value.STRICT,
    "load": Value.FREE,
}
LASTING = frozenset({"drain", "switch", "weaken", "limit"})
"""The calls that change something; the others put it back."""


class Written(NamedTuple):
    """One write that really arrived."""

    at: datetime
    run_id: UUID
    target: str
    call: Call
    needed: bool = True

    @property
    def lasting(self) -> bool:
        """True if it changed something, and put nothing back."""
        return self.call.method in LASTING


@dataclass
class Weakening:
    """A value that was meant to be weak for a while."""

    due_at: datetime
    ended_at: datetime | None = None


@dataclass
class World:
    """The targets, and what is counted about them."""

    written: list[Written] = field(default_factory=list)
    concurrent: int = 0
    overwritten: int = 0
    disordered: int = 0  # traffic came back while the region was still another one
    refused: int = 0  # a process that nothing had befallen was refused in the middle of its change
    claimed: int = 0  # it was said to work, and what was to be changed had not been
    weakenings: list[Weakening] = field(default_factory=list)
    _values: dict[tuple[str, str], Value] = field(default_factory=dict)
    _open: set[tuple[str, str]] = field(default_factory=set)
    _broken_until: dict[str, datetime] = field(default_factory=dict)
    _causes: dict[str, str] = field(default_factory=dict)
    _weak: dict[str, Weakening] = field(default_factory=dict)
    # Who is in the middle of a change, and whether that one is asleep.
    _changing: dict[str, dict[UUID, bool]] = field(default_factory=lambda: defaultdict(dict))
    _last: dict[str, UUID] = field(default_factory=dict)

    def open(self, target: str, alertname: str) -> bool:
        """Let an alert fire; False if it fires already."""
        new = (target, alertname) not in self._open
        self._open.add((target, alertname))
        return new

    def is_open(self, target: str, alertname: str) -> bool:
        """Return whether the alert fires."""
        return (target, alertname) in self._open

    def close(self, target: str, alertname: str) -> None:
        """Let the alert be over."""
        self._open.discard((target, alertname))

    def fail(self, target: str, until: datetime, cause: str = USUAL) -> None:
        """Let the target be broken until then, if nobody repairs it."""
        self._causes[target] = cause
        self._broken_until[target] = max(until, self._broken_until.get(target, until))

    def is_broken(self, target: str, now: datetime) -> bool:
        """Return what a diagnosis would find."""
        return target in self._broken_until and self._broken_until[target] > now

    def cause(self, target: str) -> str:
        """Return what a diagnosis would find as the cause."""
        return self._causes.get(target, USUAL)

    def fix(self, target: str) -> None:
        """Let the target be repaired, so that it serves as at first again."""
        self._broken_until.pop(target, None)
        for knob in AT_FIRST.keys() - {"check"}:
            self._values.pop((target, knob), None)

    def value(self, target: str, knob: str) -> Value:
        """Return what a read shows."""
        return self._values.get((target, knob), AT_FIRST[knob])

    def shows(self, target: str, call: Call) -> bool:
        """Return whether a read shows the effect of the call."""
        knob, value = KNOBS[call.method]
        return self.value(target, knob) is value

    def write(
        self, now: datetime, run_id: UUID, target: str, call: Call, *, lasts: timedelta | None
    ) -> None:
        """Take one write; its run is changing the target until it says that it is done."""
        changing = self._changing[target]
        others = [run for run, asleep in changing.items() if run != run_id and not asleep]
        woke_up = changing.get(run_id, False) and self._last[target] != run_id
        self.concurrent += bool(others) or woke_up
        changing[run_id] = False
        self._last[target] = run_id
        planned_for = call.arguments.get("cause", USUAL)
        needed = self.is_broken(target, now) and planned_for == self.cause(target)
        self.written.append(Written(now, run_id, target, call, needed))
        away = self.value(target, "region") is Value.AWAY
        self.disordered += call.method == "fill" and away

        knob, value = KNOBS[call.method]
        self.overwritten += self.value(target, knob) is Value.BY_HAND and call.method not in LASTING
        self._set(now, target, knob, value)
        if value is Value.WEAK and lasts is not None:
            self._weak[target] = Weakening(now + lasts)
            self.weakenings.append(self._weak[target])

    def by_hand(self, now: datetime, target: str) -> None:
        """Let a person set what had been weakened, if it still is."""
        if self.value(target, "check") is Value.WEAK:
            self._set(now, target, "check", Value.BY_HAND)

    def person_is_done(self, target: str) -> None:
        """Let a person put back what that person had set."""
        if self.value(target, "check") is Value.BY_HAND:
            self._values[(target, "check")] = Value.STRICT

    def falls_asleep(self, target: str, run_id: UUID) -> None:
        """Let the run's process be stopped in the middle of its change."""
        self._changing[target][run_id] = True

    def done(self, target: str, run_id: UUID) -> None:
        """Let the run be through with the target, or dead."""
        self._changing[target].pop(run_id, None)

    def said_to_work(self, target: str, calls: Sequence[Call]) -> None:
        """Take note of a repair; what it changed is there, or a person has set it since."""
        turned = [KNOBS[call.method] for call in calls]
        self.claimed += not all(
            self.value(target, knob) in {value, Value.BY_HAND} for knob, value in turned
        )

    def unwanted(self, now: datetime) -> Counter[str]:
        """Count what nobody wants, whatever was permitted."""
        changed = {
            target
            for (target, knob), value in self._values.items()
            if knob != "check" and value is not AT_FIRST[knob]
        }
        last = {each.target: each.at for each in self.written}
        return Counter(
            {
                "undone in the wrong order": self.disordered,
                "changes left half done": sum(now - last[each] > LONG for each in changed),
                "repairs claimed, not made": self.claimed,
                "writes refused in mid-change": self.refused,
            }
        )

    def overdue(self, now: datetime) -> int:
        """Count the weakenings that stayed, or still stay, for too long."""
        return sum((each.ended_at or now) > each.due_at + LATE for each in self.weakenings)

    def _set(self, now: datetime, target: str, knob: str, value: Value) -> None:
        self._values[(target, knob)] = value
        if knob == "check" and target in self._weak:
            self._weak.pop(target).ended_at = now
