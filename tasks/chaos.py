"""Actions that make a staging CCT misbehave or stop that, and what shows that each took effect."""

from __future__ import annotations

from pydantic import FiniteFloat

from cct_ops.clients.reader import CctReader
from cct_ops.models.chaos import ChaosMode, FaultId
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks.carry_out import Look, Sighting, action, carry_out


@action
def inject_fault(
    permit: Permit,
    fault_id: FaultId,
    mode: ChaosMode,
    latency_ms: FiniteFloat,
    error_percent: FiniteFloat,
    timeout_percent: FiniteFloat,
    ttl_seconds: FiniteFloat,
) -> None:
    """
    Inject a fault, which also ends by itself after ``ttl_seconds``.

    Blast radius: everybody who uses staging. Idempotent. Undo: remove_fault.
    """
    call = Call(
        method="inject_fault",
        arguments={
            "fault_id": fault_id,
            "mode": mode.value,
            "latency_ms": latency_ms,
            "error_percent": error_percent,
            "timeout_percent": timeout_percent,
            "ttl_seconds": ttl_seconds,
        },
    )
    carry_out(
        permit,
        call,
        fault_on(fault_id, mode, latency_ms, error_percent, timeout_percent, ttl_seconds),
    )


@action
def remove_fault(permit: Permit, fault_id: FaultId) -> None:
    """
    Remove a fault.

    Blast radius: none, staging serves as before. Idempotent. Undo: inject_fault.
    """
    call = Call(method="remove_fault", arguments={"fault_id": fault_id})
    carry_out(permit, call, fault_gone(fault_id))


def fault_on(
    fault_id: FaultId,
    mode: ChaosMode,
    latency_ms: FiniteFloat,  # noqa: ARG001 -- the same arguments as its action
    error_percent: FiniteFloat,  # noqa: ARG001
    timeout_percent: FiniteFloat,  # noqa: ARG001
    ttl_seconds: FiniteFloat,  # noqa: ARG001
) -> Look:
    """Show whether the fault is in effect."""

    def look(cct: CctReader) -> Sighting:
        found = [fault for fault in cct.chaos_faults() if fault.id == fault_id]
        on = any(fault.mode == mode for fault in found)
        return Sighting(on, f"fault {fault_id} is {'in effect' if found else 'not there'}")

    return look


def fault_gone(fault_id: FaultId) -> Look:
    """Show whether the fault is gone."""

    def look(cct: CctReader) -> Sighting:
        there = any(fault.id == fault_id for fault in cct.chaos_faults())
        return Sighting(not there, f"fault {fault_id} is {'in effect' if there else 'not there'}")

    return look
