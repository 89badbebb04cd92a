"""
What an answer of CCT can show and what it cannot, in each of its dialects: the one place for it.

CCT answers in three ways: as the runbook names it, with only its own handlers, and bare. The same
words can mean more or less: zeros may be a lost list, an empty answer a stub's, and a canary that
is off says only sometimes why. Every playbook judges by this module, so that the same evidence
never leads to two certainties.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cct_ops.models.cct import CanaryConfig, Compliance, Health, RollbackEvent, SloStatus
from cct_ops.models.cct_exemptions import ExemptionReport, Validation
from cct_ops.models.run import Evidence, Outcome

# An event and the disable that it caused are written by one request, yet by two clocks.
SAME_MOMENT = timedelta(seconds=30)

PERHAPS_LOST = "Either there are none or CCT lost its list: this CCT does not tell"


def not_offered(source: str, words: str = "") -> Evidence:
    """Say that this CCT does not have it; whatever it answered, nothing was seen there."""
    return Evidence.of(source, "not offered", words or "Nothing is known.")


def not_asked(source: str) -> Evidence:
    """Say that it was not looked at."""
    return Evidence.of(source, "not asked", "Nothing is known.")


def no_signal(health: Health) -> Evidence:
    """Show CCT's word on its health, from which nothing may be concluded."""
    said = health.status if health.answered else f"no answer: {health.status}"
    meaning = "No signal: a constant in some releases, an error of its own in others."
    return Evidence.of("data/health", said, meaning)


class Service(StrEnum):
    """The state of a route against its objectives; too little traffic shows nothing."""

    WELL = "well"
    BADLY = "badly"
    UNKNOWN = "unknown"

    @property
    def outcome(self) -> Outcome:
        """The outcome of a playbook that has nothing to do about a canary in this state."""
        match self:
            case Service.WELL:
                return Outcome.NOTHING_TO_DO
            case Service.BADLY:
                return Outcome.BLOCKED  # somebody is hurt, and it is another playbook's case
            case Service.UNKNOWN:
                return Outcome.UNVERIFIED


def service(slo: SloStatus | None, min_samples: int) -> Service:
    """Judge one route's objectives; with no samples CCT itself calls them all missed."""
    if slo is None or slo.sample_size < max(min_samples, 1):
        return Service.UNKNOWN
    said = slo.compliance_status
    missed = Compliance.FAIL in (said.availability, said.error_rate, said.response_time)
    return Service.BADLY if missed else Service.WELL


class Cause(StrEnum):
    """Why a canary takes no traffic."""

    SERVING = "serving"
    AUTO_ROLLBACK = "auto-rollback"
    DISABLED_BY_PERSON = "disabled by a person"
    DISABLED = "disabled by auto-rollback or by a person"
    NEVER_ON_OR_EXPIRED = "never enabled, or its configuration expired"
    UNKNOWN = "unknown"


def disabled_at(config: CanaryConfig) -> datetime | None:
    """Return when it was switched off, or None where that is absent or unreadable."""
    value = (config.metadata or {}).get("disabled_at")
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def why_off(config: CanaryConfig, event: RollbackEvent | None, *, history: bool) -> Cause:
    """
    Say why it takes no traffic, by its metadata and, where CCT keeps one, by its history.

    CCT writes the same metadata whether its auto-rollback or a person switched it off, so only an
    event distinguishes them; its default, which an expired configuration falls back to, has a
    description and no such moment.
    """
    if config.enabled:
        # On at 0 % is how nobody leaves a canary on purpose, and auto-rollback does not do it.
        return Cause.SERVING if config.serves else Cause.UNKNOWN
    moment = disabled_at(config)
    if moment is None:
        by_default = "description" in (config.metadata or {})
        return Cause.NEVER_ON_OR_EXPIRED if by_default else Cause.UNKNOWN
    if not history:
        return Cause.DISABLED
    if event is not None and abs(moment - event.timestamp) <= SAME_MOMENT:
        return Cause.AUTO_ROLLBACK
    return Cause.DISABLED_BY_PERSON


class Counts(StrEnum):
    """The reliability of CCT's counts of exemptions."""

    RELIABLE = "reliable"
    LOST = "its list is lost"
    DISAGREE = "they disagree"
    PERHAPS_LOST = "zeros that may be a lost list"

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of a playbook that rests on the counts; None where it can go on."""
        match self:
            case Counts.RELIABLE:
                return None
            case Counts.PERHAPS_LOST:
                return Outcome.UNVERIFIED
            case _:
                return Outcome.BLOCKED


def counts(report: ExemptionReport, wrong: tuple[str, ...], *, records: int | None) -> Counts:
    """
    Judge the counts; ``records`` is how many there are elsewhere, None where CCT shows none.

    CCT's list lives for a day after the last write, and its reports then count zero.
    """
    if not (report.total_active or report.total_expired):
        if records is None:
            return Counts.PERHAPS_LOST
        if records:
            return Counts.LOST
    return Counts.DISAGREE if wrong else Counts.RELIABLE


def lists_records(validation: Validation) -> bool:
    """The meaning of a validation's answer: CCT's own always says that it found none."""
    return bool(validation.exemptions or validation.violations or validation.total_exemptions)
