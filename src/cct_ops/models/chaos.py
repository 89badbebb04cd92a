"""
Faults that are injected on purpose: their kinds, how hard they hit, and what CCT says about them.

The numbers are those of CCT's own chaos script. A mode injects only what belongs to it, so that a
test of latency is no test of errors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.cct import Wire

STAGING = "staging"
# Their temporary changes last no longer than their run, which has to keep them alive.
KEPT_BY_THEIR_RUN = frozenset({"chaos-experiment", "slo-breach-simulation"})
# The fault ends by itself this much after it should have been removed.
TTL_MARGIN_SECONDS = 60.0

FaultId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class ChaosMode(StrEnum):
    """The fault that is injected; docs/cct-api.md says what each affects."""

    LATENCY = "latency"
    FRED_OUTAGE = "fred-outage"
    KV_PARTIAL = "kv-partial"
    CIRCUIT_BREAKER = "circuit-breaker"
    ALL = "all"


class ChaosSeverity(StrEnum):
    """The severity of the fault."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"

    @property
    def milder(self) -> ChaosSeverity:
        """The next lower severity; mild is the lowest."""
        return list(ChaosSeverity)[max(0, list(ChaosSeverity).index(self) - 1)]


class Injection(Frozen):
    """One fault: what it adds to each request, and how many requests fail or hang."""

    mode: ChaosMode
    latency_ms: float = Field(0, ge=0, le=60_000)
    error_percent: float = Field(0, ge=0, le=100)
    timeout_percent: float = Field(0, ge=0, le=100)

    @classmethod
    def of(cls, mode: ChaosMode, severity: ChaosSeverity) -> Injection:
        """Return the script's numbers for this severity, as far as the mode injects them."""
        numbers = _NUMBERS[severity]
        return cls(mode=mode, **{name: numbers[name] for name in _INJECTS[mode]})

    @property
    def words(self) -> str:
        """Say it in a few words."""
        return (
            f"{self.mode}: {self.latency_ms:g} ms more latency, {self.error_percent:g} % errors,"
            f" {self.timeout_percent:g} % timeouts"
        )


class ChaosStatus(Wire):
    """Which environment this CCT says it is; only ``staging`` may be hurt."""

    environment: str


class ActiveFault(Wire):
    """A fault that is in effect at the moment."""

    id: str
    mode: str


_NUMBERS = {
    ChaosSeverity.MILD: {"latency_ms": 500, "error_percent": 5, "timeout_percent": 1},
    ChaosSeverity.MODERATE: {"latency_ms": 2000, "error_percent": 15, "timeout_percent": 3},
    ChaosSeverity.SEVERE: {"latency_ms": 5000, "error_percent": 30, "timeout_percent": 10},
}
_INJECTS = {
    ChaosMode.LATENCY: ("latency_ms",),
    ChaosMode.FRED_OUTAGE: ("error_percent",),
    ChaosMode.KV_PARTIAL: ("error_percent",),
    ChaosMode.CIRCUIT_BREAKER: ("error_percent", "timeout_percent"),
    ChaosMode.ALL: ("latency_ms", "error_percent", "timeout_percent"),
}
