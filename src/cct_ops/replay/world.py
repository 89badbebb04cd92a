"""
What the ledger would know at a moment of the replay: the facts of guards, and the track record.

``models.guards`` and ``models.autonomy`` judge by them, here as in the gate. Events are told in the
order of their time.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cct_ops.config.policy import Policy
from cct_ops.models.autonomy import AutonomyLevel, BadFix, Flaw, TargetClass, TrackRecord, level_of
from cct_ops.models.guards import Facts
from cct_ops.models.run import Outcome
from cct_ops.replay.history import Held, Switched

_EVER = datetime(1, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
DID_NOT_LAST = "its verified fix did not last"

Place = tuple[str, str]  # playbook and target


@dataclass(frozen=True, order=True)
class _Failure:
    """An attempt that ended in anything but a verified fix."""

    over_at: datetime
    issued_at: datetime


@dataclass
class _OfTarget:
    """What one playbook did to one target."""

    last_change_at: datetime | None = None
    fixes: list[datetime] = field(default_factory=list)
    failures: list[_Failure] = field(default_factory=list)
    lasting: list[tuple[datetime, UUID]] = field(default_factory=list)  # not wanted again yet


@dataclass
class _OfClass:
    """The record of one playbook on a class of targets, since its policy's ``clean_since``."""

    fixes: list[datetime] = field(default_factory=list)
    ineffective: BadFix | None = None
    harmful: BadFix | None = None


@dataclass
class World:
    """What was done so far, by these rules; ``opened`` are the incidents."""

    policy: Policy
    switches: list[Switched] = field(default_factory=list)
    holds: dict[str, list[Held]] = field(default_factory=lambda: defaultdict(list))
    opened: list[datetime] = field(default_factory=list)
    _targets: dict[Place, _OfTarget] = field(default_factory=lambda: defaultdict(_OfTarget))
    _classes: dict[Place, _OfClass] = field(default_factory=lambda: defaultdict(_OfClass))
    _named: dict[str, TargetClass] = field(default_factory=dict)
    _calls: list[tuple[datetime, int]] = field(default_factory=list)
    _issued: dict[UUID, datetime] = field(default_factory=dict)

    def decide(self, at: datetime, run: UUID, place: Place) -> None:
        """Note that a change of the target was wanted: a fix of it that was young did not last."""
        recent, within = self._targets[place], self._within
        for fixed_at, by in recent.lasting:
            if by != run and fixed_at < at <= fixed_at + within:
                self._spoil(
                    place,
                    BadFix(at=at, target=place[1], flaw=Flaw.INEFFECTIVE, what=DID_NOT_LAST),
                    fixed_at,
                )
        recent.lasting = [each for each in recent.lasting if each[1] == run or each[0] >= at]

    def permit(self, at: datetime, run: UUID, place: Place, calls: int) -> None:
        """Note that the run was given a permit for so many calls."""
        self._targets[place].last_change_at = at
        self._issued.setdefault(run, at)
        self._calls.append((at, calls))

    def give_up(self, at: datetime, run: UUID, place: Place) -> None:
        """Note that the change of a run that never ended counts as over."""
        if run in self._issued:
            insort(self._targets[place].failures, _Failure(at, self._issued[run]))

    def conclude(
        self, at: datetime, run: UUID, place: Place, outcome: Outcome, *, held: bool, refused: bool
    ) -> None:
        """Note how a run ended: whether its fix holds, or all that it sent was refused."""
        recent, issued_at = self._targets[place], self._issued.get(run)
        if outcome is Outcome.RESOLVED and held:
            insort(recent.fixes, at)
            recent.lasting.append((at, run))
            if self._counts(place, at):
                insort(self._class(place).fixes, at)
        elif issued_at is not None and not refused:
            insort(recent.failures, _Failure(at, issued_at))
            if outcome is not Outcome.RESOLVED:
                bad = BadFix(at=at, target=place[1], flaw=Flaw.INEFFECTIVE, what=outcome.value)
                self._spoil(place, bad, at)

    def fail_to_undo(self, at: datetime, place: Place) -> None:
        """Note that a change could not be put back."""
        if self._counts(place, at):
            what = "it could not be undone"
            self._class(place).harmful = BadFix(
                at=at, target=place[1], flaw=Flaw.HARMFUL, what=what
            )

    def facts(self, now: datetime, place: Place, labels: Mapping[str, str]) -> Facts:
        """Return the facts about a change of the target at this moment."""
        known, settings = self._targets[place], self.policy.guards
        switch = next((each for each in reversed(self.switches) if each.at <= now), None)
        hold = max(self._standing(place[1], now), key=lambda each: each.until, default=None)
        last_fix = known.fixes[-1] if known.fixes else _EVER
        failures = [each for each in known.failures if each.issued_at > last_fix]
        window = timedelta(hours=settings.recurring_fixes.within_hours)
        since_hour = bisect_right(self._calls, now - _HOUR, key=lambda each: each[0])
        storm = now - timedelta(minutes=settings.storm.within_minutes)
        return Facts(
            now=now,
            stopped=switch is not None and switch.stopped,
            stop_reason=switch and switch.reason,
            stopped_by=switch and switch.person,
            held_until=hold and hold.until,
            hold_reason=hold and hold.reason,
            held_by=hold and hold.person,
            labels=labels,
            new_incidents=len(self.opened) - bisect_right(self.opened, storm),
            failed_attempts=len({each.issued_at for each in failures}),
            last_failed_at=max((each.over_at for each in failures), default=None),
            recurring_fixes=len(known.fixes) - bisect_right(known.fixes, now - window),
            last_change_at=known.last_change_at,
            calls_in_hour=sum(calls for _, calls in self._calls[since_hour:]),
        )

    def level(self, now: datetime, place: Place) -> AutonomyLevel:
        """Return how far the record lets the playbook go on a target that needs a change now."""
        known = self._class(place)
        found = [each for each in (known.ineffective, known.harmful) if each is not None]
        fixes = self._targets[place].fixes
        ineffective = known.ineffective
        if fixes and fixes[-1] >= now - self._within and self._counts(place, fixes[-1]):
            ineffective = BadFix(at=now, target=place[1], flaw=Flaw.INEFFECTIVE, what=DID_NOT_LAST)
            found.append(ineffective)
        after = max((each.at for each in found), default=_EVER)
        record = TrackRecord(
            ineffective=ineffective,
            harmful=known.harmful,
            verified_fixes=len(known.fixes) - bisect_right(known.fixes, after),
        )
        playbook = place[0]
        return level_of(self.policy.ceiling(playbook), playbook, record, self.policy.autonomy, now)

    @property
    def _within(self) -> timedelta:
        return timedelta(hours=self.policy.autonomy.recurs_within_hours)

    def _standing(self, target: str, now: datetime) -> Iterable[Held]:
        return (each for each in self.holds.get(target, ()) if each.at <= now < each.until)

    def _class(self, place: Place) -> _OfClass:
        playbook, target = place
        if target not in self._named:
            self._named[target] = self.policy.autonomy.class_of(target)
        return self._classes[playbook, self._named[target].name]

    def _counts(self, place: Place, at: datetime) -> bool:
        clean_since = self.policy.of(place[0]).clean_since
        return clean_since is None or at > clean_since

    def _spoil(self, place: Place, bad: BadFix, done_at: datetime) -> None:
        """Remember the newest bad fix, if what was done counts still."""
        known = self._class(place)
        if self._counts(place, done_at) and (
            known.ineffective is None or bad.at >= known.ineffective.at
        ):
            known.ineffective = bad
