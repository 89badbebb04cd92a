"""Changes of the rules by which CCT pulls a canary by itself."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from cct_ops.actions.action import CctAction, ReadBack, Request
from cct_ops.models.cct import AutoRollback, CanaryRules, RollbackThresholds, Wire

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.reader import CctReader


class SetSloThresholds(CctAction):
    """Set beyond what CCT pulls a canary by itself, all three at once."""

    blast_radius = "every route's canary is pulled later than before"
    path = "canary/config"
    answers = CanaryRules

    p95_latency_ms: float
    error_rate_percent: float
    availability_percent: float

    @classmethod
    def to(cls, thresholds: RollbackThresholds) -> SetSloThresholds:
        """Set these."""
        return cls.model_validate(thresholds.model_dump())

    @property
    def in_words(self) -> str:
        return (
            f"canaries pulled beyond p95 {self.p95_latency_ms:g} ms, errors"
            f" {self.error_rate_percent:g} %, availability {self.availability_percent:g} %"
        )

    def request(self) -> Request:
        return Request("POST", self.path, body={"slo_thresholds": dict(self)})

    def read_back(self, cct: CctReader) -> ReadBack:
        seen = cct.canary_config().slo_thresholds
        words = (
            f"p95 {seen.p95_latency_ms:g} ms, errors {seen.error_rate_percent:g} %,"
            f" availability {seen.availability_percent:g} %"
        )
        return ReadBack(seen.model_dump() == self.model_dump(), words)

    def undo(self, before: RollbackThresholds) -> SetSloThresholds:
        return self.to(before)


class Switched(Wire):
    """Auto-rollback as CCT claims that it is after it was switched."""

    auto_rollback: AutoRollback = Field(alias="auto_rollback")


class _Switch(CctAction, ABC):
    answers = Switched
    on: ClassVar[bool]

    @property
    def in_words(self) -> str:
        return f"auto-rollback {'on' if self.on else 'off'}"

    def read_back(self, cct: CctReader) -> ReadBack:
        seen = cct.canary_config().auto_rollback.enabled
        return ReadBack(seen is self.on, f"auto-rollback is {'on' if seen else 'off'}")


class DisableAutoRollback(_Switch):
    """Let CCT pull no canary by itself."""

    blast_radius = "no route's canary is pulled when it breaches"
    path = "canary/disable-auto-rollback"
    on = False

    def undo(self) -> EnableAutoRollback:
        return EnableAutoRollback()


class EnableAutoRollback(_Switch):
    """Let CCT pull canaries by itself."""

    blast_radius = "every route's canary can be pulled"
    lowers_risk = True
    path = "canary/enable-auto-rollback"
    on = True

    def undo(self) -> DisableAutoRollback:
        return DisableAutoRollback()
