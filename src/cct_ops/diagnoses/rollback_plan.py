"""
What can be done about a rollback: the runbook's options as plans.

Restoring the canary is the repair. The other two weaken what protects users, so they always need a
person, and they end by themselves.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cct_ops.actions.auto_rollback import DisableAutoRollback, SetSloThresholds
from cct_ops.actions.canary import DisableCanary, ResetCanary
from cct_ops.models.base import Frozen, duration
from cct_ops.models.cct import CanaryRules, RollbackThresholds, Route, SloStatus, SloThresholds
from cct_ops.models.plan import CanaryServes, ChangeHolds, Plan, Scalar, Step

PLAYBOOK = "auto-rollback"
# The rules are the same for all routes, so changes of them exclude each other.
RULES = "canary/config"
A_PERSON_DECIDES = "It weakens what protects users from a bad canary."


class Option(StrEnum):
    """The way to help: put the canary back, weaken auto-rollback for a while, or redeploy."""

    RESTORE = "restore"
    RAISE_THRESHOLDS = "raise-thresholds"
    DISABLE_AUTO_ROLLBACK = "disable-auto-rollback"
    REDEPLOY = "redeploy"

    @property
    def weakens(self) -> bool:
        """True if it takes protection away for a while."""
        return self in {Option.RAISE_THRESHOLDS, Option.DISABLE_AUTO_ROLLBACK}


Minutes = Annotated[int, Field(ge=1, le=1440)]
Latency = Annotated[float, Field(gt=0, le=60_000)]
ErrorRate = Annotated[float, Field(ge=0, le=50)]
Availability = Annotated[float, Field(ge=50, le=100)]


class Limits(Frozen):
    """Beyond what a canary is pulled; what is not given stays, and nothing gets stricter."""

    p95_latency_ms: Latency | None = None
    error_rate_percent: ErrorRate | None = None
    availability_percent: Availability | None = None

    def over(self, now: RollbackThresholds) -> RollbackThresholds:
        """Return these limits where they are looser than ``now``, and ``now`` elsewhere."""
        return RollbackThresholds(
            p95_latency_ms=max(now.p95_latency_ms, self.p95_latency_ms or 0),
            error_rate_percent=max(now.error_rate_percent, self.error_rate_percent or 0),
            availability_percent=min(
                now.availability_percent,
                100 if self.availability_percent is None else self.availability_percent,
            ),
        )


AS_THEY_ARE = Limits()


class WatchWindow(Frozen):
    """The time for which a repaired canary is watched, and the traffic that must be seen."""

    seconds: float
    min_samples: int


class RollbackOptions(Frozen):
    """The option of a run with its limits and duration."""

    option: Option = Option.RESTORE
    minutes: float = Field(60, gt=0)
    limits: Limits = AS_THEY_ARE

    @classmethod
    def of(
        cls,
        option: Option,
        minutes: float,
        latency: Latency | None,
        errors: ErrorRate | None,
        availability: Availability | None,
    ) -> RollbackOptions:
        """Make them of what a form has."""
        limits = Limits(
            p95_latency_ms=latency, error_rate_percent=errors, availability_percent=availability
        )
        return cls(option=option, minutes=minutes, limits=limits)

    @property
    def names_no_limit(self) -> bool:
        """True if thresholds are to be raised and no limit is given."""
        return self.option is Option.RAISE_THRESHOLDS and self.limits == AS_THEY_ARE

    @property
    def why_idle(self) -> str:
        """Say why nothing is left to weaken."""
        if self.names_no_limit:
            return (
                "Nothing was raised: name a limit, p95_latency_ms, error_rate_percent or"
                " availability_percent."
            )
        if self.option is Option.RAISE_THRESHOLDS:
            return "The thresholds are at least as loose as that already."
        return "Auto-rollback is off already."


def restore(
    target: Route,
    slo: SloStatus,
    watch: WatchWindow,
    state: dict[str, Scalar],
    needs_person: str | None,
) -> Plan:
    """Put the canary back to its share, and watch that it serves within its objectives."""
    return Plan(
        playbook=PLAYBOOK,
        target=target,
        summary=f"Put the canary of {target} back to its configured share of traffic.",
        blast_radius=f"The canary's share of {target}; stable keeps serving the rest throughout.",
        steps=(ResetCanary(route=target).step(DisableCanary(route=target)),),
        steady_state=serves(slo.thresholds, watch),
        state=state,
        needs_person=needs_person,
    )


def serves(allowed: SloThresholds, watch: WatchWindow) -> CanaryServes:
    """Return what must hold of a canary that serves: its objectives, as far as CCT forgives it."""
    return CanaryServes(
        p95_latency_ms=allowed.p95_latency_ms * allowed.canary_latency_factor,
        error_rate_percent=allowed.canary_error_rate_percent,
        availability_percent=allowed.availability_percent,
        min_samples=watch.min_samples,
        watch_seconds=watch.seconds,
    )


def weaken(options: RollbackOptions, rules: CanaryRules, watch: WatchWindow) -> Plan | None:
    """Return the plan of a temporary weakening; None if there is nothing left to weaken."""
    if options.option is Option.DISABLE_AUTO_ROLLBACK:
        return _without_auto_rollback(options, rules, watch)
    now = rules.slo_thresholds
    wanted = options.limits.over(now)
    if wanted == now:
        return None
    looser = SetSloThresholds.to(wanted)
    return _temporary(
        options,
        watch,
        looser.step(looser.undo(now), lasts_minutes=options.minutes),
        what=f"Auto-rollback pulls a canary only beyond {_words(wanted)}, not {_words(now)}",
        blast_radius="Every route: a canary that is worse than the objectives serves for longer.",
        state={f"now {name}": value for name, value in now.model_dump().items()},
    )


def _without_auto_rollback(
    options: RollbackOptions, rules: CanaryRules, watch: WatchWindow
) -> Plan | None:
    if not rules.auto_rollback.enabled:
        return None
    off = DisableAutoRollback()
    return _temporary(
        options,
        watch,
        off.step(off.undo(), lasts_minutes=options.minutes),
        what="Auto-rollback is off, so that no canary is pulled by itself",
        blast_radius="Every route: nothing pulls a canary that breaches its objectives.",
        state={"auto_rollback": "on"},
    )


def _temporary(
    options: RollbackOptions,
    watch: WatchWindow,
    step: Step,
    *,
    what: str,
    blast_radius: str,
    state: dict[str, Scalar],
) -> Plan:
    return Plan(
        playbook=PLAYBOOK,
        target=RULES,
        summary=f"{what}, for {duration(options.minutes * 60)}.",
        blast_radius=blast_radius,
        steps=(step,),
        steady_state=ChangeHolds(what=what, watch_seconds=watch.seconds),
        state=state,
        needs_person=A_PERSON_DECIDES,
    )


def _words(thresholds: RollbackThresholds) -> str:
    return (
        f"p95 {thresholds.p95_latency_ms:g} ms, {thresholds.error_rate_percent:g} % errors and"
        f" {thresholds.availability_percent:g} % availability"
    )
