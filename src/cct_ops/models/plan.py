"""A change: its steps, how each is undone, what must hold then, and the permit to carry it out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cct_ops.models.base import Frozen, digest, duration
from cct_ops.models.cct import LimitClass


class CanaryServes(Frozen):
    """
    The canary is on and its own traffic stays within bounds over the whole watch window.

    The thresholds are those of the canary: CCT's objectives for the route, with the factors that
    its auto-rollback policy forgives a canary. Where its traffic had been counted before the
    change, since ``counted_since``, only what CCT counts anew says anything.
    """

    kind: Literal["canary serves"] = "canary serves"
    p95_latency_ms: float
    error_rate_percent: float
    availability_percent: float
    min_samples: int = Field(ge=1)
    watch_seconds: float = Field(gt=0)
    counted_since: datetime | None = None

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        return (
            f"Over {duration(self.watch_seconds)} and at least {self.min_samples} canary requests:"
            f" p95 at most {self.p95_latency_ms:g} ms, errors at most"
            f" {self.error_rate_percent:g} %, availability at least"
            f" {self.availability_percent:g} %."
        )


class ChangeHolds(Frozen):
    """A check that the value named by ``what`` is still as it was set after the watch window."""

    kind: Literal["change holds"] = "change holds"
    what: str
    watch_seconds: float = Field(ge=0)

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        watched = f", still so after {duration(self.watch_seconds)}" if self.watch_seconds else ""
        return f"{self.what}{watched}."


class ExemptionsConsistent(Frozen):
    """
    Exemption report, weekly report and records agree, and none is active past its date.

    ``active_at_least`` are those that the change must have left alone.
    """

    kind: Literal["exemptions consistent"] = "exemptions consistent"
    active_at_least: int = Field(ge=0)
    watch_seconds: float = Field(ge=0)

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        return (
            f"Over {duration(self.watch_seconds)} exemption report, weekly report and validation"
            f" agree, at least {self.active_at_least} are active, and none of them past its date."
        )


class LimitNotReached(Frozen):
    """None of the users is refused by one class of CCT's admin limiter."""

    kind: Literal["limit not reached"] = "limit not reached"
    limit: LimitClass
    users: tuple[str, ...]
    watch_seconds: float = Field(ge=0)

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        names = ", ".join(self.users)
        return f"Over {duration(self.watch_seconds)} {self.limit} refuses none of {names}."


class WorkflowSucceeds(Frozen):
    """A newer run of the workflow than the one that is named ends well within the watch window."""

    kind: Literal["workflow succeeds"] = "workflow succeeds"
    workflow: str
    after_run_id: int
    watch_seconds: float = Field(gt=0)

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        return f"{self.workflow} succeeds within {duration(self.watch_seconds)}."


SteadyState = Annotated[
    CanaryServes | ChangeHolds | ExemptionsConsistent | LimitNotReached | WorkflowSucceeds,
    Field(discriminator="kind"),
]


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
        """The duration of the change, as people read it; empty where it is to stay."""
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
        """Name the whole plan."""
        return digest(self.model_dump(mode="json"))

    @property
    def state_digest(self) -> str:
        """Name the target's state alone."""
        return digest(self.state)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of the steps, in order."""
        return tuple(step.call for step in self.steps)

    @property
    def irreversible(self) -> bool:
        """True if some step cannot be undone; then a person always decides."""
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


class PermitKind(StrEnum):
    """The purpose of a permit: a new change, or an undo (which guards never stop)."""

    CHANGE = "change"
    RESTORE = "restore"


class Permit(Frozen):
    """
    A copy of a permit row of the ledger.

    Holding one proves nothing: before every write the operator has the row itself checked, so a
    permit that was made by hand, changed, taken to another run, or that has expired is refused.
    """

    id: UUID
    kind: PermitKind
    run_id: UUID
    plan_digest: str
    target: str
    fencing_token: int
    calls: tuple[Call, ...]
    expires_at: datetime
