"""What is going to be changed, how it is undone, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool


class Frozen(BaseModel):
    """An immutable model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(Frozen):
    """One write, as the operator's method name and its arguments."""

    method: str
    arguments: dict[str, Scalar]

    def __str__(self) -> str:
        """Render as ``reset_canary(route='/daily-summary')``."""
        inside = ", ".join(f"{name}={value!r}" for name, value in sorted(self.arguments.items()))
        return f"{self.method}({inside})"


class Step(Frozen):
    """A call and the call that takes it back; without ``undo`` it is irreversible."""

    call: Call
    undo: Call | None


class SteadyState(Frozen):
    """
    What must hold after the change, over the whole watch window.

    The thresholds are those of the canary: CCT's objectives for the route, with the factors that
    its auto-rollback policy forgives a canary.
    """

    p95_latency_ms: float
    error_rate_percent: float
    availability_percent: float
    min_samples: int = Field(ge=1)
    watch_seconds: float = Field(gt=0)


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
    def calls(self) -> tuple[Call, ...]:
        """The calls of the steps, in order."""
        return tuple(step.call for step in self.steps)

    @property
    def undo_calls(self) -> tuple[Call, ...]:
        """The undo calls, in the reverse order of the steps."""
        return tuple(step.undo for step in reversed(self.steps) if step.undo is not None)
