"""What must hold after a change: one model per way of verifying, told apart by ``kind``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.cct_limits import LimitClass
from cct_ops.models.quantities import duration


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
    """What was changed is still as it was set when the watch window is over; ``what`` says what."""

    kind: Literal["change holds"] = "change holds"
    what: str
    watch_seconds: float = Field(ge=0)

    @property
    def summary(self) -> str:
        """Say it as one sentence."""
        return f"{self.what}, still so after {duration(self.watch_seconds)}."


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
