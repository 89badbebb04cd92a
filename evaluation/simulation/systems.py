"""The simulated targets, as the gate reaches them, and the log of a run that nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from cct_ops.actions.action import Action, ReadBack
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate.permits import Checker
from cct_ops.models.plan import Call, Permit
from cct_ops.models.run import Run
from cct_ops.models.silence import Silence
from evaluation.simulation.plans import LASTS
from evaluation.simulation.process import Process
from evaluation.simulation.scenario import silences
from evaluation.simulation.scheduler import Scheduler
from evaluation.simulation.world import KNOBS, World


class TurnKnob(Action):
    """One knob of a target is turned."""

    system = "The target"
    blast_radius = "The target"

    call_name: str
    target: str

    def read_back(self, reader: World) -> ReadBack:
        """Look whether the knob stands there."""
        knob, value = KNOBS[self.call_name]
        seen = reader.value(self.target, knob)
        return ReadBack(seen is value, f"the {knob} is {seen}")

    def undo(self, *_args: Any, **_kwargs: Any) -> Action | None:
        """Return nothing: the plans of the week say themselves how they are undone."""
        return None

    def by_hand(self) -> str | None:
        """Return nothing: there is nobody to type it."""
        return None


def nothing() -> None:
    """Let the process go on."""


@dataclass
class Strikes:
    """The mishap of a process at each of these moments, once."""

    noted: Callable[[], None] = nothing
    arrived: Callable[[], None] = nothing
    seen: Callable[[], None] = nothing
    lost: bool = False
    """True if its writes are answered and stored nowhere."""

    def strike(self, moment: str) -> None:
        """Let it happen."""
        what: Callable[[], None] = getattr(self, moment)
        setattr(self, moment, nothing)
        what()


@dataclass
class Targets:
    """The targets as one run reaches them."""

    world: World
    scheduler: Scheduler
    engine: sa.Engine
    run: Run
    process: Process
    strikes: Strikes = field(default_factory=Strikes)

    def action(self, call: Call) -> Action:
        """Return the action of a call."""
        return TurnKnob(call_name=call.method, target=str(call.arguments["target"]))

    def look_at(self, call: Call) -> ReadBack:
        """Look whether the call's effect shows."""
        return self.action(call).read_back(self.world)

    def send(self, permit: Permit, call: Call) -> None:
        """Send one call if the permit allows it; the intent is on record also if it is lost."""
        try:
            with Checker(self.engine, self.run.id).check(permit, call):
                self.strikes.strike("noted")
                if not self.strikes.lost:
                    self.world.write(
                        self.scheduler.now, self.run.id, permit.target, call, lasts=LASTS
                    )
                self.strikes.strike("arrived")
        except NotPermitted:
            self.world.refused += not self.process.struck
            raise

    def silences(self) -> tuple[Silence, ...]:
        """Return what Alertmanager would answer."""
        return silences(self.scheduler.now)


@dataclass
class Quiet:
    """Logs nothing; a call whose effect was seen is a moment at which its process may be struck."""

    strikes: Strikes

    def done(self, _call: Call) -> None:
        """Let the process be struck."""
        self.strikes.strike("seen")

    def nothing(self, *_: object, **__: object) -> None:
        """Log nothing."""

    concluded = planned = decided = warned = nothing
