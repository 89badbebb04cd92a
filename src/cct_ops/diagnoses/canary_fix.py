"""The fixes of a canary as plans: what each changes, how it is taken back, what must hold then."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from cct_ops.actions.canary import DisableCanary, PromoteCanary, ResetCanary
from cct_ops.diagnoses.rollback_plan import WatchWindow, serves
from cct_ops.models.cct import CanaryConfig, Route, SloThresholds
from cct_ops.models.plan import ChangeHolds, Plan, SteadyState

# CCT's own default objectives, for a CCT that does not say which hold for the route.
_USUAL = SloThresholds(
    p95_latency_ms=3000,
    availability_percent=95.0,
    error_rate_percent=2.0,
    canary_error_rate_percent=5.0,
    canary_latency_factor=2.0,
)


class CanaryFix(StrEnum):
    """The runbook's common fixes."""

    RECOMMENDED = "recommended"
    RESET = "reset"
    DISABLE = "disable"
    PROMOTE = "promote"


PLAYBOOK = "canary-issue"

_CHANGES: dict[CanaryFix, tuple[type[ResetCanary | DisableCanary | PromoteCanary], str]] = {
    CanaryFix.RESET: (ResetCanary, "Put the canary of {} back to its configured share."),
    CanaryFix.DISABLE: (DisableCanary, "Take the canary of {} out of traffic."),
    CanaryFix.PROMOTE: (PromoteCanary, "Give the canary of {} all of its traffic."),
}


def plan_of(
    target: Route,
    config: CanaryConfig,
    thresholds: SloThresholds | None,
    watch: WatchWindow,
    fix: CanaryFix,
    *,
    issue: str,
    needs_person: str | None,
) -> Plan:
    """Return the plan of one fix; a promotion is never made without a person."""
    action, summary = _CHANGES[fix]
    change = action(route=target)
    radius = f"The canary's share of {target}; stable keeps serving the rest throughout."
    if fix is CanaryFix.PROMOTE:
        needs_person = "A promotion gives the canary to everybody."
        radius = f"The whole traffic of {target}."
    steady: SteadyState = serves(thresholds or _USUAL, watch)
    if fix is CanaryFix.DISABLE:
        off = f"The canary of {target} is off"
        steady = ChangeHolds(what=off, watch_seconds=watch.seconds / 10)
    return Plan(
        playbook=PLAYBOOK,
        target=target,
        summary=summary.format(target),
        blast_radius=radius,
        steps=(change.step(change.undo(config)),),
        steady_state=steady,
        state={
            "issue": issue,
            "enabled": config.enabled,
            "percentage": "none" if config.percentage is None else config.percentage,
        },
        needs_person=needs_person,
    )


def impossible(fix: CanaryFix, *, configured: bool, measured: bool) -> str | None:
    """Return why a fix cannot be made or verified on a CCT with only its own handlers, or None."""
    if fix is CanaryFix.RESET and not configured:
        return (
            "Not reset: this CCT offers no reset and keeps no configured share to go back to; who"
            " knows the share can set it by canary/enable."
        )
    if fix is CanaryFix.PROMOTE and not measured:
        return (
            "Not promoted: this CCT measures no traffic, so nothing would show how the canary"
            " serves everybody."
        )
    return None


def judged_anew(plan: Plan, counted_since: datetime) -> Plan:
    """Return the plan with a verification by traffic alone that CCT counts after the change."""
    steady = plan.steady_state.model_copy(update={"counted_since": counted_since})
    return plan.model_copy(update={"steady_state": steady})


def so_already(
    fix: CanaryFix, config: CanaryConfig, configured_percent: float | None
) -> str | None:
    """Return what is seen where the canary is already as the fix would make it, or None."""
    holds = {
        CanaryFix.DISABLE: not config.enabled,
        CanaryFix.PROMOTE: config.enabled and config.percentage == 100,
        CanaryFix.RESET: config.serves and config.percentage == configured_percent,
    }
    return f"canary {config.shown}" if holds.get(fix) else None
