"""
Earned autonomy: what a playbook may do on a class of targets, by what it did there before.

A bad fix lowers it at once and by itself. Good fixes raise nothing: they lead to a proposal, and
only a person who merges it into the policy raises anything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cct_ops.models.base import Count, Frozen, Hours, Pattern, counted, matches
from cct_ops.models.run import Mode, lowest

Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1)]


class AutonomySettings(Frozen):
    """The section ``autonomy`` of the policy; a target in no class is a class of its own."""

    verified_fixes: Count = Field(10, ge=1)
    recurs_within_hours: Hours = Field(1, ge=0)
    classes: dict[str, Patterns] = Field(default_factory=dict)

    def class_of(self, target: str) -> TargetClass:
        """Return the first class that lists the target."""
        for name, patterns in self.classes.items():
            if matches(target, patterns):
                return TargetClass(name=name, patterns=patterns)
        return TargetClass(name=target, patterns=(target,))


class TargetClass(Frozen):
    """Targets on which a playbook's record counts as one."""

    name: str
    patterns: tuple[Pattern, ...]


class Flaw(StrEnum):
    """The flaw of a bad fix."""

    INEFFECTIVE = "ineffective"  # it failed, was undone, was not verified, or did not last
    HARMFUL = "harmful"  # and could not be undone


class BadFix(Frozen):
    """The last change that makes a playbook less trusted."""

    at: datetime
    target: str
    flaw: Flaw
    what: str


class TrackRecord(Frozen):
    """
    The fixes of a playbook on one class of targets since the policy's ``clean_since``.

    ``ineffective`` and ``harmful`` are the last of each kind; ``verified_fixes`` counts those
    since the last bad one.
    """

    ineffective: BadFix | None
    harmful: BadFix | None
    verified_fixes: int


class AutonomyLevel(Frozen):
    """
    The level that a playbook has earned by its record, why, and the lines that would raise it.

    A proposal is news with every full count of verified fixes, so that people do not read of it
    after each single one.
    """

    mode: Mode
    reason: str
    proposal: str | None = None
    is_news: bool = False


class Demotion(Frozen):
    """
    A lower level of a playbook on a class of targets, why, and what raises it again.

    It is never raised by itself: after ``verified_fixes`` a raise is proposed, or a person who
    knows better merges ``restored_by`` at once.
    """

    target: str
    before: Mode
    after: Mode
    reason: str
    verified_fixes: int
    restored_by: str

    @classmethod
    def of(
        cls,
        playbook: str,
        target: str,
        before: AutonomyLevel,
        after: AutonomyLevel,
        fixes: int,
        now: datetime,
    ) -> Demotion | None:
        """Compare the levels just before and just after; None if the later is not lower."""
        if after.mode.rank >= before.mode.rank:
            return None
        return cls(
            target=target,
            before=before.mode,
            after=after.mode,
            reason=after.reason,
            verified_fixes=fixes,
            restored_by=_lines(playbook, [f"clean_since: {_moment(now)}"]),
        )


def level_of(
    ceiling: Mode, playbook: str, record: TrackRecord, settings: AutonomySettings, now: datetime
) -> AutonomyLevel:
    """Return what the record lets the playbook do; the same record always says the same."""
    bad = record.harmful or record.ineffective
    if bad is None:
        reason = (
            f"{counted(record.verified_fixes, 'verified fix', 'verified fixes')} and no bad one"
        )
        mode = ceiling
    else:
        mode = lowest(ceiling, Mode.OBSERVE if record.harmful else Mode.APPROVE)
        reason = f"{bad.flaw} fix of {bad.target} at {bad.at:%Y-%m-%d %H:%M} UTC: {bad.what}"
    proposal = None
    if record.verified_fixes >= settings.verified_fixes:
        proposal = _proposal(ceiling, mode, playbook, now if bad else None)
    is_news = proposal is not None and record.verified_fixes % settings.verified_fixes == 0
    return AutonomyLevel(mode=mode, reason=reason, proposal=proposal, is_news=is_news)


def _proposal(ceiling: Mode, mode: Mode, playbook: str, clean_since: datetime | None) -> str | None:
    """Return the lines to merge, where a higher level is left to propose."""
    lines = []
    if mode is ceiling and ceiling is not Mode.AUTO:
        lines.append(f"ceiling: {list(Mode)[ceiling.rank + 1]}")
    if clean_since is not None and (lines or mode is not ceiling):
        lines.append(f"clean_since: {_moment(clean_since)}")
    return _lines(playbook, lines) if lines else None


def _lines(playbook: str, lines: list[str]) -> str:
    return "".join([f"playbooks:\n  {playbook}:", *(f"\n    {line}" for line in lines)])


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
