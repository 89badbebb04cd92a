"""
The reads that each playbook's first look begins with, known before its run begins.

To read needs no permit, so they may leave as soon as an incident is stored, beside the making of
its run. The probes are made of the same reads; ``tests/flows/test_early_looks.py`` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cct_ops.clients.reader import CctReader
from cct_ops.errors import Unsupported
from cct_ops.models.cct import RateLimitEvent, RollbackEvent, SloBreach, SloStatus
from cct_ops.models.cct_exemptions import ExemptionHealth

# The rollback that an alert is about is among the latest few, and its breach within the hour.
HISTORY_LIMIT = 20
BREACH_HOURS = 1
EVENT_HOURS = 1
# Short enough that a breach which ended before an alert was handled is out of the window.
SLO_WINDOW_MINUTES = 5

Read = Callable[[CctReader], object]


def canary_history(cct: CctReader) -> tuple[RollbackEvent, ...]:
    """Read the latest entries of the rollback history, newest first."""
    return cct.canary_history(HISTORY_LIMIT)


def slo_status(cct: CctReader) -> tuple[SloStatus, ...]:
    """Read every route's objectives over the last minutes."""
    return cct.slo_status(SLO_WINDOW_MINUTES)


def slo_breaches(cct: CctReader) -> tuple[SloBreach, ...]:
    """Read the breaches of the last hour, newest first."""
    return cct.slo_breaches(BREACH_HOURS)


def symbols(cct: CctReader) -> tuple[str, ...]:
    """Read the symbols as CCT's users do."""
    return cct.symbols()


def symbols_as_canary(cct: CctReader) -> tuple[str, ...]:
    """Read the symbols in a call that is marked for the canary."""
    return cct.symbols(as_canary=True)


def rate_limit_events(cct: CctReader) -> tuple[RateLimitEvent, ...]:
    """Read the refusals of the last hour, newest first."""
    return cct.rate_limit_events(EVENT_HOURS)


def exemption_health(cct: CctReader) -> ExemptionHealth | None:
    """Read what the exemption system says of itself; None where CCT does not offer that."""
    try:
        return cct.exemption_health()
    except Unsupported as missing:
        if missing.family:
            raise
        return None


_EXEMPTIONS: tuple[Read, ...] = (
    exemption_health,
    CctReader.validate_exemptions,
    CctReader.exemption_report,
    CctReader.exemption_weekly_report,
    CctReader.expired_exemptions,
)

FIRST_LOOKS: Mapping[str, tuple[Read, ...]] = {
    "auto-rollback": (
        CctReader.canary_status,
        canary_history,
        CctReader.canary_rollbacks,
        slo_status,
        slo_breaches,
        CctReader.health,
    ),
    "canary-issue": (
        CctReader.canary_status,
        CctReader.canary_config,
        CctReader.canary_metrics,
        slo_status,
        symbols,
        symbols_as_canary,
    ),
    "chaos-failure": (symbols, CctReader.health, CctReader.chaos_faults),
    "exemption-cleanup": _EXEMPTIONS,
    "exemption-failure": _EXEMPTIONS,
    "rate-limiting": (CctReader.rate_limit_status, rate_limit_events),
}
