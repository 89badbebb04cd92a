"""Faults that are injected into a staging CCT on purpose, and their removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cct_ops.actions.action import CctAction, ReadBack, Request
from cct_ops.models.chaos import TTL_MARGIN_SECONDS, ActiveFault, ChaosMode, FaultId, Injection

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.reader import CctReader

Percent = Annotated[float, Field(ge=0, le=100)]


class InjectFault(CctAction):
    """Inject a fault, which also ends by itself after ``ttl_seconds``."""

    path = "chaos/faults"
    blast_radius = "everybody who uses staging"
    answers = ActiveFault

    mode: ChaosMode
    fault_id: FaultId
    latency_ms: Annotated[float, Field(ge=0, le=60_000)]
    ttl_seconds: Annotated[float, Field(gt=0, le=7200)]
    error_percent: Percent
    timeout_percent: Percent

    @classmethod
    def of(cls, injection: Injection, fault_id: str, minutes: float) -> InjectFault:
        """Inject this; CCT drops it by itself some time after ``minutes``."""
        ttl_seconds = minutes * 60 + TTL_MARGIN_SECONDS
        # Numbers stay as they are written: 0 and 0.0 would be two digests of one plan.
        return cls.model_construct(fault_id=fault_id, ttl_seconds=ttl_seconds, **dict(injection))

    @property
    def in_words(self) -> str:
        return f"fault {self.mode} in staging"

    def request(self) -> Request:
        body = {("id" if name == "fault_id" else name): value for name, value in self}
        return Request("POST", self.path, body=body)

    def read_back(self, cct: CctReader) -> ReadBack:
        found = [fault for fault in cct.chaos_faults() if fault.id == self.fault_id]
        on = any(fault.mode == self.mode for fault in found)
        return ReadBack(on, f"fault {self.fault_id} is {'in effect' if found else 'not there'}")

    def undo(self) -> RemoveFault:
        return RemoveFault(fault_id=self.fault_id)


class RemoveFault(CctAction):
    """Remove a fault; one that there is not is as good as removed."""

    path = "chaos/faults"
    blast_radius = "none, staging serves as before"
    lowers_risk = True

    fault_id: FaultId

    def request(self) -> Request:
        return Request("DELETE", f"{self.path}/{self.fault_id}")

    def read_back(self, cct: CctReader) -> ReadBack:
        there = any(fault.id == self.fault_id for fault in cct.chaos_faults())
        words = f"fault {self.fault_id} is {'in effect' if there else 'not there'}"
        return ReadBack(not there, words)

    def undo(self, before: InjectFault) -> InjectFault:
        return before
