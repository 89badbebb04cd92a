"""
What can be said of a canary by its status alone.

A CCT with only its own handlers keeps no rollback history and monitors no objectives: it shows when
a canary was switched off, though not by whom, or that it never was; and not whether it serves well
or would do so again. So nothing is planned there.
"""

from __future__ import annotations

from cct_ops.diagnoses.evidence import Cause, Service, disabled_at, no_signal, not_offered, why_off
from cct_ops.diagnoses.rollback import BY_DEFAULT, RollbackDiagnosis, canary_evidence, last_rollback
from cct_ops.diagnoses.rollback_plan import Option
from cct_ops.models.cct import CanaryConfig, Health, RollbackEvent, Route
from cct_ops.models.run import Outcome, Severity

_NOT_DONE = {
    Option.RESTORE: (
        "It was not put back, as nothing would show that it serves well; who knows that it does"
        " can put it back by canary/enable, with the route and its share."
    ),
    Option.RAISE_THRESHOLDS: "Its thresholds are constants, which nothing can raise.",
    Option.DISABLE_AUTO_ROLLBACK: "Its auto-rollback has no switch.",
    Option.REDEPLOY: "So nothing was deployed either.",
}


def by_status_alone(
    target: Route,
    config: CanaryConfig,
    health: Health,
    missing: dict[str, str],
    option: Option,
    events: tuple[RollbackEvent, ...] | None = None,
) -> RollbackDiagnosis:
    """
    Conclude where CCT lacks these endpoints, each with its own words for that.

    ``events`` is its history of rollbacks, None where it keeps none.
    """
    event = last_rollback(target, events or ())
    cause = why_off(config, event, history=events is not None)
    lacks = f"this CCT does not offer {', '.join(sorted(missing))}"
    idle = cause is Cause.SERVING and not option.weakens
    headline = f"The canary of {target} {_why(cause, config)}; {lacks}."
    return RollbackDiagnosis(
        target=target,
        cause=cause,
        cause_gone=None,
        headline=headline if idle else f"{headline} {_NOT_DONE[option]}",
        severity=Severity.P2,
        evidence=(
            canary_evidence(config),
            *(not_offered(path, words) for path, words in sorted(missing.items())),
            no_signal(health),
        ),
        outcome=Service.UNKNOWN.outcome if idle else Outcome.BLOCKED,
    )


def _why(cause: Cause, config: CanaryConfig) -> str:
    """Say why it takes no traffic, as far as its status shows."""
    moment = disabled_at(config)
    match cause:
        case Cause.SERVING:
            return "takes traffic, and how it serves is unknown"
        case Cause.DISABLED if moment is not None:
            return (
                f"was switched off at {moment:%Y-%m-%d %H:%M:%S} UTC, by auto-rollback or by a"
                " person: CCT notes the same for both"
            )
        case Cause.AUTO_ROLLBACK:
            return "was pulled by auto-rollback"
        case Cause.DISABLED_BY_PERSON:
            return "was disabled, and not by auto-rollback"
        case Cause.NEVER_ON_OR_EXPIRED:
            return BY_DEFAULT
        case _:
            return "takes no traffic, and its status does not say why"
