"""Actions on the rules of CCT's auto-rollback, and what shows that each took effect."""

from __future__ import annotations

from pydantic import FiniteFloat

from cct_ops.clients.reader import CctReader
from cct_ops.models.cct import RollbackThresholds
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from tasks.carry_out import Look, Sighting, action, carry_out


@action
def set_slo_thresholds(
    permit: Permit,
    p95_latency_ms: FiniteFloat,
    error_rate_percent: FiniteFloat,
    availability_percent: FiniteFloat,
) -> None:
    """
    Set beyond what CCT pulls a canary by itself.

    Blast radius: every route's canary is pulled later than before. Idempotent. Undo: the same
    with the prior values.
    """
    values = {
        "p95_latency_ms": p95_latency_ms,
        "error_rate_percent": error_rate_percent,
        "availability_percent": availability_percent,
    }
    call = Call(method="set_slo_thresholds", arguments={**values})
    carry_out(permit, call, thresholds_are(**values))


@action
def disable_auto_rollback(permit: Permit) -> None:
    """
    Let CCT pull no canary by itself.

    Blast radius: no route's canary is pulled when it breaches. Idempotent. Undo:
    enable_auto_rollback.
    """
    carry_out(permit, Call(method="disable_auto_rollback", arguments={}), auto_rollback_off())


@action
def enable_auto_rollback(permit: Permit) -> None:
    """
    Let CCT pull canaries by itself.

    Blast radius: every route's canary can be pulled. Idempotent. Undo: disable_auto_rollback.
    """
    carry_out(permit, Call(method="enable_auto_rollback", arguments={}), auto_rollback_on())


def thresholds_are(
    p95_latency_ms: FiniteFloat,
    error_rate_percent: FiniteFloat,
    availability_percent: FiniteFloat,
) -> Look:
    """Show whether the thresholds are these."""
    wanted = RollbackThresholds(
        p95_latency_ms=p95_latency_ms,
        error_rate_percent=error_rate_percent,
        availability_percent=availability_percent,
    )

    def look(cct: CctReader) -> Sighting:
        seen = cct.canary_config().slo_thresholds
        words = (
            f"p95 {seen.p95_latency_ms:g} ms, errors {seen.error_rate_percent:g} %,"
            f" availability {seen.availability_percent:g} %"
        )
        return Sighting(seen == wanted, words)

    return look


def auto_rollback_off() -> Look:
    """Show whether CCT pulls no canary by itself."""
    return _auto_rollback(enabled=False)


def auto_rollback_on() -> Look:
    """Show whether CCT pulls canaries by itself."""
    return _auto_rollback(enabled=True)


def _auto_rollback(*, enabled: bool) -> Look:
    def look(cct: CctReader) -> Sighting:
        seen = cct.canary_config().auto_rollback.enabled
        return Sighting(seen is enabled, f"auto-rollback is {'on' if seen else 'off'}")

    return look
