"""Reads everything that CCT shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from cct_ops.clients.exchange import named
from cct_ops.clients.text import parse
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import Unsupported
from cct_ops.models.cct import (
    CanaryMetrics,
    CanaryRules,
    CanaryStatus,
    Health,
    RateLimitConfig,
    RateLimitEvent,
    RateLimitStatus,
    RollbackEvent,
    SloBreach,
    SloStatus,
)
from cct_ops.models.cct_exemptions import (
    Exemption,
    ExemptionHealth,
    ExemptionReport,
    Validation,
    WeeklyReport,
)
from cct_ops.models.chaos import ActiveFault, ChaosStatus

T = TypeVar("T")


class Served(NamedTuple):
    """The result of one call: the HTTP status, its duration, and the meaning of both."""

    status: int
    seconds: float
    seen: str


class CctReader:
    """Reads CCT, one method per endpoint, and cannot change anything."""

    def __init__(self, transport: CctTransport) -> None:
        self._transport = transport

    def keep_silent(self, seconds: float) -> None:
        """Let no run of ours send anything for that long; the next read waits for its end."""
        self._transport.keep_silent(seconds)

    def canary_status(self) -> CanaryStatus:
        """Read every route's canary configuration."""
        return self._read(CanaryStatus, "canary/status")

    def canary_history(self, limit: int) -> tuple[RollbackEvent, ...]:
        """Read the latest entries of the rollback history, newest first."""
        return self._read(tuple[RollbackEvent, ...], "canary/history", "events", limit=limit)

    def canary_rollbacks(self) -> tuple[RollbackEvent, ...]:
        """Read the rollbacks, newest first."""
        return self._read(tuple[RollbackEvent, ...], "canary/rollbacks", "rollbacks")

    def canary_metrics(self) -> CanaryMetrics:
        """Read every route's canary and stable traffic since its canary last changed."""
        return self._read(CanaryMetrics, "canary/metrics")

    def canary_config(self) -> CanaryRules:
        """Read the rules of auto-rollback, and every route's configured share."""
        return self._read(CanaryRules, "canary/config")

    def symbols(self, *, as_canary: bool = False) -> tuple[str, ...]:
        """Read the symbols, as a plain call or as one marked for the canary."""
        headers = {"X-Canary-Test": "true"} if as_canary else {}
        exchange = self._transport.ask("data/symbols", headers)
        answer = f"The answer to {exchange.request}"
        return parse(tuple[str, ...], exchange.payload(), answer, "symbols")

    def slo_status(self, window_minutes: int) -> tuple[SloStatus, ...]:
        """Read every route's objectives over the last minutes."""
        return self._read(tuple[SloStatus, ...], "slo/status", windowMin=window_minutes)

    def slo_breaches(self, hours: int) -> tuple[SloBreach, ...]:
        """Read the breaches of the last hours, newest first."""
        return self._read(tuple[SloBreach, ...], "slo/breaches", hours=hours)

    def health(self) -> Health:
        """
        Read whether CCT answers, and what it says.

        An answer in CCT's own form counts, a refusal and the 500 of older releases included; from
        anything else (429, another 5xx, a proxy's page) nothing is known about CCT.
        """
        exchange = self._transport.ask("data/health")
        status, body = exchange.answer.status, exchange.body() or {}
        if 200 <= status < 300:
            answer = f"The answer to {exchange.request}"
            return Health(answered=True, status=parse(str, body, answer, "system.status"))
        old_release = status == 500 and body.get("enhanced_system") is True
        refusal = 400 <= status < 500 and status != 429
        if body.get("success") is False and (old_release or refusal):
            said = body.get("message") or body.get("error") or "no words"
            return Health(answered=True, status=f"{status}: {exchange.shown(str(said))}")
        raise exchange.failure()

    def exemption_health(self) -> ExemptionHealth:
        """Read what the exemption system says of itself."""
        return self._read(ExemptionHealth, "exemptions/health")

    def exemption_report(self) -> ExemptionReport:
        """Read the counts of exemptions, and what expires soon."""
        return self._read(ExemptionReport, "exemptions/report")

    def exemption_weekly_report(self) -> WeeklyReport:
        """Read the exemption report for people."""
        return self._read(WeeklyReport, "exemptions/weekly-report")

    def validate_exemptions(self, files: Sequence[str] = ()) -> Validation:
        """Ask which exemptions the files hold and what is wrong with them; without files, all."""
        question = {"files": list(files)} if files else {}
        return self._read(Validation, "exemptions/validate", asking=question)

    def expired_exemptions(self) -> tuple[Exemption, ...]:
        """
        Read the exemptions whose date is past, marked as expired or still active.

        A CCT without this endpoint shows only those that are still active, by its report.
        """
        try:
            return self._read(tuple[Exemption, ...], "exemptions/expired", "expired")
        except Unsupported as missing:
            if missing.family:
                raise
            report = self.exemption_report()
            return tuple(
                each for each in report.upcoming_expirations if each.overdue(report.generated_at)
            )

    def rate_limit_status(self) -> RateLimitStatus:
        """Read every class of the admin limiter and every user that it counts."""
        return self._read(RateLimitStatus, "rate-limit/status")

    def rate_limit_events(self, hours: int) -> tuple[RateLimitEvent, ...]:
        """Read the refusals of the last hours, newest first."""
        return self._read(tuple[RateLimitEvent, ...], "rate-limit/events", "events", hours=hours)

    def rate_limit_config(self) -> RateLimitConfig:
        """Read the limit of every class."""
        return self._read(RateLimitConfig, "rate-limit/config")

    def chaos_status(self) -> ChaosStatus:
        """Read which environment this CCT says it is."""
        return self._read(ChaosStatus, "chaos/status")

    def chaos_faults(self) -> tuple[ActiveFault, ...]:
        """Read which injected faults are in effect."""
        return self._read(tuple[ActiveFault, ...], "chaos/faults", "faults")

    def serve(self, path: str, caller: str, **query: str) -> Served:
        """
        Call an endpoint as its users do and see how it serves, whatever it answers.

        ``caller`` goes along in a header, so that CCT's logs show which requests are our probes.
        Raises ``Unavailable`` when nothing comes at all.
        """
        exchange = self._transport.ask(path, {"X-Probe": caller}, asking=None, **query)
        answer = exchange.answer
        return Served(status=answer.status, seconds=answer.seconds, seen=exchange.summary())

    def _read(
        self,
        shape: type[T],
        path: str,
        within: str = "",
        *,
        asking: Mapping[str, Any] | None = None,
        **query: int,
    ) -> T:
        payload = self._transport.read(path, asking=asking, **query)
        request = named("GET" if asking is None else "POST", path)
        return parse(shape, payload, f"The answer to {request}", within)
