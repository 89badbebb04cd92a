"""
Why a canary takes no traffic, and whether it may be put back.

CCT writes the same ``disabled_at`` and ``disabled_by`` whether its auto-rollback or a person pulled
the canary, and forgets a configuration by itself after an hour. Only an event in its rollback
history distinguishes them, and only that is reason enough to act without a person.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from cct_ops.diagnoses import rollback_plan
from cct_ops.diagnoses.evidence import (
    SAME_MOMENT,
    Cause,
    Service,
    disabled_at,
    no_signal,
    service,
    why_off,
)
from cct_ops.diagnoses.rollback_plan import PLAYBOOK, RollbackOptions, WatchWindow
from cct_ops.models.base import Frozen
from cct_ops.models.cct import (
    CanaryConfig,
    CanaryRules,
    Health,
    RollbackEvent,
    Route,
    SloBreach,
    SloStatus,
)
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import Scalar
from cct_ops.models.run import Evidence, Outcome, Severity

# CCT's auto-rollback pauses its monitoring of a route for this long after a rollback.
COOL_DOWN = timedelta(minutes=30)
RESTORE = RollbackOptions()

_SERVES = {True: Service.WELL, False: Service.BADLY, None: Service.UNKNOWN}
_SERVED = {
    Service.WELL: "it meets its objectives",
    Service.BADLY: "the breach goes on, and auto-rollback left it on: start canary-issue, which"
    " finds out how and takes it out",
    Service.UNKNOWN: "too few requests show how it serves",
}
BY_DEFAULT = "is off by CCT's default: never enabled, or kept for its hour and forgotten"


class RollbackFindings(Frozen):
    """The findings of the probes about one route, at about one moment."""

    canary: CanaryConfig
    history: tuple[RollbackEvent, ...]
    rollbacks: tuple[RollbackEvent, ...]
    slo: SloStatus
    breaches: tuple[SloBreach, ...]
    health: Health
    rules: CanaryRules | None = None  # read only for the options that change them


class RollbackDiagnosis(Conclusion):
    """Why the canary is off and whether that is over; without a plan, how the run ends."""

    playbook: ClassVar[str] = PLAYBOOK
    target: Route
    cause: Cause
    cause_gone: bool | None
    outcome: Outcome = Outcome.NOTHING_TO_DO

    @classmethod
    def of(
        cls,
        target: Route,
        found: RollbackFindings,
        watch: WatchWindow,
        options: RollbackOptions = RESTORE,
    ) -> RollbackDiagnosis:
        """Conclude from what the probes saw; the same findings always give the same diagnosis."""
        event = last_rollback(target, (*found.rollbacks, *found.history))
        breaches = [each for each in found.breaches if each.endpoint == target]
        breach = max(breaches, key=lambda each: each.timestamp, default=None)

        cause = why_off(found.canary, event, history=True)
        served = service(found.slo, watch.min_samples)
        gone = _gone(served, breach, event)
        if found.rules is not None:
            plan = rollback_plan.weaken(options, found.rules, watch)
        elif cause is Cause.SERVING:
            plan = None
        else:
            seen = "unknown" if gone is None else gone
            state: dict[str, Scalar] = {"canary": "off", "cause": cause.value, "cause_gone": seen}
            needs_person = _needs_person(cause, gone)
            plan = rollback_plan.restore(target, found.slo, watch, state, needs_person)
        idle = found.rules is not None and plan is None
        if idle:
            outcome = Outcome.BLOCKED if options.names_no_limit else Outcome.NOTHING_TO_DO
        else:
            serves = cause is Cause.SERVING
            outcome = _SERVES[gone].outcome if serves else Outcome.NOTHING_TO_DO
        return cls(
            target=target,
            cause=cause,
            cause_gone=gone,
            headline=_headline(target, cause, gone, event)
            + (f" {options.why_idle}" if idle else ""),
            severity=_severity(cause, gone),
            evidence=(
                canary_evidence(found.canary),
                _rollback_evidence(target, event, cause),
                _slo_evidence(found.slo, served),
                _breach_evidence(target, breach, event),
                *([] if found.rules is None else [_rules_evidence(found.rules)]),
                no_signal(found.health),
            ),
            plan=plan,
            outcome=outcome,
        )


def last_rollback(target: Route, events: tuple[RollbackEvent, ...]) -> RollbackEvent | None:
    """Return the newest rollback of the route that really switched its canary off."""
    real = [
        event
        for event in events
        if event.endpoint == target
        and event.rollback_action.executed
        and event.rollback_action.canary_disabled
    ]
    return max(real, key=lambda event: event.timestamp, default=None)


def _goes_on(breach: SloBreach, event: RollbackEvent | None) -> bool:
    """Say whether a breach was recorded after the rollback that should have ended it."""
    return event is not None and breach.timestamp > event.timestamp + SAME_MOMENT


def _gone(served: Service, breach: SloBreach | None, event: RollbackEvent | None) -> bool | None:
    """Say whether the breach is over; None when there is too little traffic to see."""
    if breach is not None and _goes_on(breach, event):
        return False
    return None if served is Service.UNKNOWN else served is Service.WELL


def _severity(cause: Cause, gone: bool | None) -> Severity:
    if gone is False:
        return Severity.P0
    return Severity.P1 if cause is Cause.AUTO_ROLLBACK else Severity.P2


def _headline(target: Route, cause: Cause, gone: bool | None, event: RollbackEvent | None) -> str:
    over = {
        True: "the breach is over",
        False: "the breach goes on",
        None: "too little traffic shows more",
    }
    match cause:
        case Cause.SERVING:
            return f"The canary of {target} takes traffic; {_SERVED[_SERVES[gone]]}."
        case Cause.AUTO_ROLLBACK if event is not None:
            when = f"{event.timestamp:%H:%M:%S} UTC"
            return (
                f"Auto-rollback pulled the canary of {target} at {when} ({event.reason});"
                f" {over[gone]}."
            )
        case Cause.DISABLED_BY_PERSON:
            return f"The canary of {target} was disabled, and not by auto-rollback; {over[gone]}."
        case Cause.NEVER_ON_OR_EXPIRED:
            return f"The canary of {target} {BY_DEFAULT}. {over[gone].capitalize()}."
        case _:
            return f"The canary of {target} takes no traffic and nothing says why; {over[gone]}."


def _needs_person(cause: Cause, gone: bool | None) -> str | None:
    """Return why no automation may put the canary back alone, or None."""
    if cause is not Cause.AUTO_ROLLBACK:
        return f"No rollback event explains why the canary is off (cause: {cause})."
    if gone is None:
        return "There is no traffic in the window, so nothing shows that the cause is gone."
    if not gone:
        return "The breach that caused the rollback goes on."
    return None


def canary_evidence(config: CanaryConfig) -> Evidence:
    """Say what canary/status shows."""
    observed = f"{config.shown} of traffic"
    moment = None if config.enabled else disabled_at(config)
    if moment is not None:
        observed += f", disabled at {moment:%H:%M:%S} UTC"
    meaning = "The canary serves." if config.serves else "The canary takes no traffic."
    return Evidence.of("canary/status", observed, meaning)


def _rollback_evidence(target: Route, event: RollbackEvent | None, cause: Cause) -> Evidence:
    if event is None:
        observed, meaning = f"no rollback of {target}", "Auto-rollback did not pull it."
    else:
        observed = f"{event.timestamp:%Y-%m-%d %H:%M:%S} UTC: {event.reason}"
        until = event.timestamp + COOL_DOWN
        meaning = (
            f"Auto-rollback pulled it, and does not watch the route until {until:%H:%M} UTC."
            if cause is Cause.AUTO_ROLLBACK
            else "An earlier rollback; it does not explain the canary's state now."
        )
    return Evidence.of("canary/rollbacks", observed, meaning)


def _rules_evidence(rules: CanaryRules) -> Evidence:
    now = rules.slo_thresholds
    return Evidence.of(
        "canary/config",
        (
            f"auto-rollback {'on' if rules.auto_rollback.enabled else 'off'}: p95"
            f" {now.p95_latency_ms:g} ms, errors {now.error_rate_percent:g} %, availability"
            f" {now.availability_percent:g} %"
        ),
        "Beyond these, CCT pulls a canary by itself while auto-rollback is on.",
    )


def _slo_evidence(slo: SloStatus, served: Service) -> Evidence:
    if slo.sample_size == 0:
        observed, meaning = "no requests in the window", "Unknown; not a breach."
    else:
        now = slo.current_metrics
        observed = (
            f"{slo.sample_size} requests: p95 {now.p95_latency_ms:g} ms, errors"
            f" {now.error_rate_percent:g} %, availability {now.availability_percent:g} %"
        )
        verdicts = slo.compliance_status
        meaning = (
            f"Latency {verdicts.response_time}, errors {verdicts.error_rate},"
            f" availability {verdicts.availability}."
        )
        if served is Service.UNKNOWN:
            meaning = f"Unknown: too few requests, whatever CCT says of them. {meaning}"
    return Evidence.of("slo/status", observed, meaning)


def _breach_evidence(
    target: Route, breach: SloBreach | None, event: RollbackEvent | None
) -> Evidence:
    if breach is None:
        return Evidence.of("slo/breaches", f"none of {target}", "No breach is recorded.")
    if event is None:
        meaning = "A breach that led to no rollback."
    elif _goes_on(breach, event):
        meaning = "The breach goes on after the rollback."
    else:
        meaning = "It led to the rollback."
    return Evidence.of(
        "slo/breaches", f"{breach.timestamp:%Y-%m-%d %H:%M:%S} UTC: {breach.details}", meaning
    )
