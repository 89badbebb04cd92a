"""
What stops a new change: the guards' settings, and the judgement on facts of the ledger.

Guards stop new changes only. Undo, reverts and the removal of faults never come past here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from cct_ops.models.base import Count, Frozen, Hours, Minutes, Pattern, counted, duration, matches
from cct_ops.models.maintenance import Declared, Window
from cct_ops.models.silence import Silence

UNTIL_RELEASED = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a hold that has none: only a person's release ends it."""


class Guard(StrEnum):
    """Every guard by the name that decisions carry."""

    KILL_SWITCH = "kill switch"
    HOLD = "hold"
    MAINTENANCE = "maintenance window"
    DECLARED = "maintenance"
    SILENCE = "silence"
    ALLOW_LIST = "allow-list"
    STORM = "storm"
    FAILED_ATTEMPTS = "breaker, failed attempts"
    RECURRING_FIXES = "breaker, recurring fixes"
    BACKOFF = "backoff"
    COOL_DOWN = "cool-down"
    BUDGET = "action budget"
    LOCK = "target lock"
    MERGE = "merge"
    UNREADABLE = "guards unreadable"


class RecurringFixes(Frozen):
    """The breaker opens after ``count`` verified fixes of one target in ``within_hours``."""

    count: Count = Field(3, ge=1)
    within_hours: Hours = Field(24, gt=0)


class Backoff(Frozen):
    """The pause after a failed attempt; it doubles with each further one."""

    first_minutes: Minutes = Field(5, ge=0)
    longest_minutes: Minutes = Field(240, ge=0)

    def pause(self, failed_attempts: int) -> timedelta:
        """Return the pause after so many failed attempts in a row."""
        if failed_attempts == 0:
            return timedelta(0)
        doubled = self.first_minutes * 2.0 ** min(failed_attempts - 1, 30)
        return timedelta(minutes=min(doubled, self.longest_minutes))


class Storm(Frozen):
    """So many new incidents in so many minutes have one cause, which no playbook repairs."""

    incidents: Count = Field(20, ge=1)
    within_minutes: Minutes = Field(10, gt=0)


class GuardSettings(Frozen):
    """The section ``guards`` of the policy; what it leaves out has the value shown here."""

    cool_down_minutes: Minutes = Field(10, ge=0)
    failed_attempts: Count = Field(3, ge=1)
    recurring_fixes: RecurringFixes = RecurringFixes()
    backoff: Backoff = Backoff()
    actions_per_hour: Count = Field(30, ge=0)
    storm: Storm = Storm()


class Intent(Frozen):
    """A change that somebody wants to make, as far as guards care."""

    playbook: str
    target: str
    calls: int
    run_id: UUID | None = None
    incident_id: UUID | None = None
    # A run that a person started and that a person has to approve: the way past an open breaker.
    by_person: bool = False


class Facts(Frozen):
    """The facts in the ledger about an intent, at one moment of the ledger's clock."""

    now: datetime
    stopped: bool
    stop_reason: str | None
    stopped_by: str | None
    held_until: datetime | None
    hold_reason: str | None
    held_by: str | None
    labels: Mapping[str, str]
    new_incidents: int
    failed_attempts: int
    last_failed_at: datetime | None
    recurring_fixes: int
    last_change_at: datetime | None
    calls_in_hour: int
    declared: tuple[Declared, ...] = ()


class GuardResult(Frozen):
    """
    The result of one guard: it stops the intent or not, why, and until when if that is known.

    It ``depends`` where the deciding fact is not known yet.
    """

    guard: Guard
    stops: bool
    detail: str
    until: datetime | None = None
    depends: bool = False

    @property
    def reason(self) -> str:
        """Say it as one sentence with the guard's name."""
        until = f" (until {self.until:%Y-%m-%d %H:%M:%S} UTC)" if self.until else ""
        return f"{self.guard.capitalize()}: {self.detail}{until}."


class Rules(Frozen):
    """The rules for intents: settings, windows, allowed targets, and active silences."""

    settings: GuardSettings
    maintenance: tuple[Window, ...]
    allowed: tuple[Pattern, ...]
    silences: tuple[Silence, ...]


def judge(intent: Intent, facts: Facts, rules: Rules) -> Iterator[GuardResult]:
    """Yield the result of each guard, the most general first."""
    yield _kill_switch(facts)
    yield _hold(facts)
    yield _maintenance(intent, facts, rules)
    yield _declared(intent, facts)
    yield _silence(facts, rules)
    yield _allow_list(intent, rules)
    yield _storm(intent, facts, rules.settings)
    yield _failed_attempts(intent, facts, rules.settings)
    yield _recurring_fixes(intent, facts, rules.settings)
    yield _backoff(intent, facts, rules.settings)
    yield _cool_down(intent, facts, rules.settings)
    yield _budget(intent, facts, rules.settings)


def locked(target: str, waited_seconds: float) -> GuardResult:
    """Say that the target's lock was not to be had."""
    said = f"another run was changing {target} for {duration(waited_seconds)}"
    return GuardResult(guard=Guard.LOCK, stops=True, detail=said)


def _kill_switch(facts: Facts) -> GuardResult:
    said = f"stopped by {facts.stopped_by}, {facts.stop_reason}" if facts.stopped else "not pulled"
    return GuardResult(guard=Guard.KILL_SWITCH, stops=facts.stopped, detail=said)


def _hold(facts: Facts) -> GuardResult:
    if facts.held_until is None:
        return GuardResult(guard=Guard.HOLD, stops=False, detail="nobody holds the target")
    said = f"{facts.held_by} has taken the target over, {facts.hold_reason}"
    until = None if facts.held_until >= UNTIL_RELEASED else facts.held_until
    return GuardResult(guard=Guard.HOLD, stops=True, detail=said, until=until)


def _maintenance(intent: Intent, facts: Facts, rules: Rules) -> GuardResult:
    for window in rules.maintenance:
        if window.covers(intent.target, facts.now):
            return GuardResult(
                guard=Guard.MAINTENANCE,
                stops=True,
                detail=f"it is time for {window.name}",
                until=window.end_after(facts.now),
            )
    return GuardResult(guard=Guard.MAINTENANCE, stops=False, detail="no window is open")


def _declared(intent: Intent, facts: Facts) -> GuardResult:
    found = [each for each in facts.declared if each.is_about(intent.target)]
    if not found:
        return GuardResult(guard=Guard.DECLARED, stops=False, detail="nobody has declared any")
    last = max(found, key=lambda each: each.ends_at)
    said = f"declared by {last.person}, {last.reason}"
    return GuardResult(guard=Guard.DECLARED, stops=True, detail=said, until=last.ends_at)


def _silence(facts: Facts, rules: Rules) -> GuardResult:
    found = [each for each in rules.silences if facts.labels and each.covers(facts.labels)]
    for silence in sorted(found, key=lambda each: each.unreadable is not None):
        said = f"{silence.created_by} silenced this alert in Alertmanager, {silence.comment}"
        if silence.unreadable is not None:
            said = (
                f"Alertmanager's silence {silence.id} by {silence.created_by} may be about this"
                f" alert and cannot be read ({silence.unreadable}): correct it there or expire it"
            )
        return GuardResult(guard=Guard.SILENCE, stops=True, detail=said, until=silence.ends_at)
    if rules.silences and not facts.labels:
        counts = counted(len(rules.silences), "silence is", "silences are")
        said = f"{counts} active, and only an alert's labels show whether one is about it"
        return GuardResult(guard=Guard.SILENCE, stops=False, detail=said, depends=True)
    return GuardResult(guard=Guard.SILENCE, stops=False, detail="no silence matches")


def _allow_list(intent: Intent, rules: Rules) -> GuardResult:
    allowed = matches(intent.target, rules.allowed)
    said = f"policy {'lists' if allowed else 'does not list'} {intent.target} for {intent.playbook}"
    return GuardResult(guard=Guard.ALLOW_LIST, stops=not allowed, detail=said)


def _storm(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    limit = settings.storm
    said = (
        f"{counted(facts.new_incidents, 'new incident')} in {duration(limit.within_minutes * 60)}"
        f" ({limit.incidents} are a storm)"
    )
    stops = facts.new_incidents >= limit.incidents and not intent.by_person
    return GuardResult(guard=Guard.STORM, stops=stops, detail=said)


def _failed_attempts(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    said = (
        f"{counted(facts.failed_attempts, 'failed attempt')} since the last verified fix"
        f" (open at {settings.failed_attempts}, and until a person's own run is verified)"
    )
    stops = facts.failed_attempts >= settings.failed_attempts and not intent.by_person
    return GuardResult(guard=Guard.FAILED_ATTEMPTS, stops=stops, detail=said)


def _recurring_fixes(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    limit = settings.recurring_fixes
    said = (
        f"{counted(facts.recurring_fixes, 'verified fix', 'verified fixes')}"
        f" in {counted(limit.within_hours, 'hour')}, and a change is wanted again"
        f" (open at {limit.count})"
    )
    stops = facts.recurring_fixes >= limit.count and not intent.by_person
    return GuardResult(guard=Guard.RECURRING_FIXES, stops=stops, detail=said)


def _backoff(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    pause = settings.backoff.pause(facts.failed_attempts)
    until = facts.last_failed_at + pause if facts.last_failed_at else None
    if until is None or until <= facts.now or intent.by_person:
        return GuardResult(guard=Guard.BACKOFF, stops=False, detail="no pause is running")
    said = f"a pause of {_minutes(pause)} after {counted(facts.failed_attempts, 'failed attempt')}"
    return GuardResult(guard=Guard.BACKOFF, stops=True, detail=said, until=until)


def _cool_down(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    pause = timedelta(minutes=settings.cool_down_minutes)
    until = facts.last_change_at + pause if facts.last_change_at else None
    if until is None or until <= facts.now or intent.by_person:
        return GuardResult(guard=Guard.COOL_DOWN, stops=False, detail="no change is that recent")
    said = f"{intent.playbook} changed {intent.target} less than {_minutes(pause)} ago"
    return GuardResult(guard=Guard.COOL_DOWN, stops=True, detail=said, until=until)


def _budget(intent: Intent, facts: Facts, settings: GuardSettings) -> GuardResult:
    said = (
        f"{counted(facts.calls_in_hour, 'action')} permitted within the hour"
        f" and {intent.calls} wanted"
        f" (at most {settings.actions_per_hour} over all playbooks)"
    )
    stops = facts.calls_in_hour + intent.calls > settings.actions_per_hour
    return GuardResult(guard=Guard.BUDGET, stops=stops, detail=said)


def _minutes(pause: timedelta) -> str:
    return duration(pause.total_seconds())
