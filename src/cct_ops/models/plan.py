"""What is going to be changed, how it is undone, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import json

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.quantities import duration
from cct_ops.models.steady_state import SteadyState

Scalar = str | int | float | bool


class Call(Frozen):
    """One write, as the operator's method name and its arguments."""

    method: str
    arguments: dict[str, Scalar]

    def __str__(self) -> str:
        """Render as ``reset_canary(route='/daily-summary')``."""
        inside = ", ".join(f"{name}={value!r}" for name, value in sorted(self.arguments.items()))
        return f"{self.method}({inside})"


class Step(Frozen):
    """
    A call and the call that takes it back; without ``undo`` it is irreversible.

    ``undo`` carries the prior values, so it is concrete before anything is changed. With
    ``lasts_minutes`` the change is a temporary one: it is taken back by itself after that time.
    Without ``idempotent`` a call whose effect is in doubt must not be sent again. What
    ``lowers_risk`` (a canary off, a safety net back on, faults gone) is never taken back for want
    of a confirmation: the state before is the more dangerous one.
    """

    call: Call
    undo: Call | None
    lasts_minutes: float | None = Field(None, gt=0)

    @property
    def lasts(self) -> str:
        """How long the change holds, as people read it; empty where it is to stay."""
        return f"for {duration(self.lasts_minutes * 60)}" if self.lasts_minutes else ""

    idempotent: bool = True
    lowers_risk: bool = False


class Plan(Frozen):
    """
    The ordered steps of one playbook on one target, with the state that they were planned for.

    ``needs_person`` is the reason why no automation may carry this plan out alone, or None.
    ``state`` holds the facts about the target that the plan rests on: no time and no id, so that
    the same situation always gives the same digest.
    """

    playbook: str
    target: str
    summary: str
    blast_radius: str
    steps: tuple[Step, ...]
    steady_state: SteadyState
    state: dict[str, Scalar]
    needs_person: str | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the whole plan, as 64 hex digits."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def state_digest(self) -> str:
        """SHA-256 over the canonical JSON of the target's state alone, as 64 hex digits."""
        canonical = json.dumps(self.state, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of the steps, in order."""
        return tuple(step.call for step in self.steps)

    @property
    def irreversible(self) -> bool:
        """Whether some step cannot be taken back; then a person decides, always."""
        return any(step.undo is None for step in self.steps)

    @property
    def otherwise(self) -> str:
        """Say what becomes of the change if what must hold afterwards does not."""
        kept = [str(step.call) for step in self.steps if step.lowers_risk]
        lasting = [
            str(step.call) for step in self.steps if step.undo is None and not step.lowers_risk
        ]
        if len(kept) == len(self.steps):
            return "If it does not, it stays as it is then: it lowers risk, so nobody undoes it."
        if len(lasting) == len(self.steps):
            return "If it does not, it stays as it is then: nothing of it can be undone."
        but = [f"{', '.join(lasting)}, which cannot be"] if lasting else []
        but += [f"{', '.join(kept)}, which lowers risk"] if kept else []
        if len(kept) + len(lasting) == len(self.steps):
            return f"If it does not, nothing is undone: not {', and not '.join(but)}."
        except_ = f", except for {', and for '.join(but)}" if but else ""
        return f"If it does not, what was done is undone{except_}."

    @property
    def person(self) -> str | None:
        """Why a person has to decide, or None: also for what can never be taken back."""
        if self.needs_person is None and self.irreversible:
            lasting = ", ".join(str(step.call) for step in self.steps if step.undo is None)
            return f"It cannot be taken back: {lasting}."
        return self.needs_person

    @property
    def undo_calls(self) -> tuple[Call, ...]:
        """The undo calls, in the reverse order of the steps."""
        return tuple(step.undo for step in reversed(self.steps) if step.undo is not None)
