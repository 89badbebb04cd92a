"""
At which boundaries a playbook can crash, and what must be true of the world afterwards.

Both follow from what the playbook does: its steps, how each is taken back, and whether it can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from cct_ops.models.run import Outcome
from cct_ops.scenarios.scenario import Scenario, Step
from tests.flows.kill_triggers import CONFIRMED, INTENDED, On, Trigger
from tests.flows.scenarios import CHANGING

PERMITTED, DECIDED = "INSERT INTO permits", "INSERT INTO decisions"


class At(StrEnum):
    """The boundaries; those of the undo are after a cancellation, or where it is taken back."""

    LOCKED = "before the permit"
    PERMITTED = "permitted, nothing begun"
    ARRANGED = "its end is arranged, no scheduled revert yet"
    WOKEN = "its end is arranged, nothing begun"
    INTENDED = "intended, not sent"
    UNANSWERED = "applied, not answered"
    ANSWERED = "answered, not confirmed"
    CONFIRMED = "confirmed, not verified"
    VERIFYING = "during the verification"
    VERIFIED = "verified, still under its lock"
    RELEASED = "verified, not reported"
    NOTIFIED = "people are notified, no account"
    CONCLUDED = "its account is given"
    UNDO_PERMITTED = "undo permitted"
    UNDO_INTENDED = "undo intended, not sent"
    UNDO_UNANSWERED = "undo applied, not answered"
    UNDO_ANSWERED = "undo answered, not confirmed"
    UNDO_CONFIRMED = "undo confirmed"
    UNDO_DECIDED = "undone, not reported"


@dataclass(frozen=True)
class CrashPoint:
    """
    One scenario, where its process is killed, and what is true in the end.

    ``stands``: the world is not as it was before. ``notices``: how often people hear of its end.
    One that ``sleeps`` is only stopped there, until it was recovered, and then goes on.
    """

    scenario: Scenario
    at: At
    trigger: Trigger
    writes: tuple[str, ...]
    outcome: Outcome
    stands: bool
    notices: int = 1
    sleeps: bool = False

    def __str__(self) -> str:
        """Name the test."""
        asleep = ", asleep" * self.sleeps
        return f"{self.scenario}, {self.at} ({self.trigger.nth}){asleep}"

    @property
    def begun(self) -> bool:
        """Whether the dead run may have changed something, and gave no account of it."""
        return self.at not in _NOTHING_BEGUN | {At.CONCLUDED}


_NOTHING_BEGUN = {At.LOCKED, At.PERMITTED, At.ARRANGED, At.WOKEN}


def crash_points_of(scenario: Scenario) -> Iterator[CrashPoint]:
    """Yield every crash point of this scenario."""
    yield from _before(scenario)
    sent = 0
    for number, step in enumerate(scenario.steps, start=1):
        for at, on, nth, made in _of_step(step, number, sent):
            trigger = Trigger(on, INTENDED if at is At.INTENDED else CONFIRMED, nth)
            point = _in_the_middle(scenario, at, trigger, number, made)
            yield point
            if at is At.CONFIRMED:
                yield replace(point, sleeps=True)
            if at is At.INTENDED:
                yield _too_late(point, step)
        sent += len(step.writes)
    yield _in_the_middle(
        scenario,
        At.VERIFYING,
        Trigger(On.LOOK, nth=len(scenario.steps)),
        len(scenario.steps),
        len(step.writes),
    )
    yield from _undoing(scenario, sent)
    for point in _after(scenario):
        yield point
        if point.at is At.VERIFIED:
            yield replace(point, sleeps=True)


def _of_step(step: Step, number: int, sent: int) -> Iterator[tuple[At, On, int, int]]:
    """Yield each boundary of a step: what fires it, and how many of its writes are made."""
    yield At.INTENDED, On.STATEMENT, number, 0
    for write in range(1, len(step.writes) + 1):
        yield At.UNANSWERED, On.SILENCE, sent + write, write
        yield At.ANSWERED, On.ANSWER, sent + write, write
    yield At.CONFIRMED, On.STATEMENT, number, len(step.writes)


def _before(scenario: Scenario) -> Iterator[CrashPoint]:
    places = {At.LOCKED: "INSERT INTO target_locks", At.PERMITTED: PERMITTED}
    if any(step.lasts for step in scenario.steps):
        places |= {
            At.ARRANGED: "INSERT INTO temporary_changes",
            At.WOKEN: "UPDATE temporary_changes",
        }
    for at, statement in places.items():
        yield CrashPoint(
            scenario, at, Trigger(statement=statement), (), Outcome.FAILED, stands=False
        )


def _in_the_middle(
    scenario: Scenario, at: At, trigger: Trigger, number: int, made: int
) -> CrashPoint:
    """Derive what recovery makes of it, ``made`` writes into that step."""
    step = scenario.steps[number - 1]
    whole = list(scenario.steps[: number - 1]) + [step] * (made == len(step.writes))
    half = 0 < made < len(step.writes)
    writes = [write for each in scenario.steps[: number - 1] for write in each.writes]
    writes += step.writes[:made]
    writes += [write for each in reversed(whole) if not each.stays for write in each.undo]
    lasting = half or any(each.undo_method is None for each in whole)
    kept = any(each.stays for each in whole)
    stands = lasting or kept or any(each.shows_again for each in whole)
    outcome = Outcome.UNVERIFIED if kept else Outcome.UNDONE
    outcome = Outcome.FAILED if lasting else outcome
    return CrashPoint(scenario, at, trigger, tuple(writes), outcome, stands)


def _too_late(point: CrashPoint, step: Step) -> CrashPoint:
    """
    Sleep between the last check and the call, until it was recovered.

    No check can hold it then: it sends its call, learns that it was taken for dead, and says so.
    """
    writes = point.writes + step.writes
    failed = replace(point, outcome=Outcome.FAILED, stands=True, notices=2)
    return replace(failed, writes=writes, sleeps=True)


def _undoing(scenario: Scenario, sent: int) -> Iterator[CrashPoint]:
    """Crash while it is undone: by itself where that belongs to it, else after a cancellation."""
    cancelled = 0 if scenario.keeps else len(scenario.steps)
    done = tuple(write for step in scenario.steps for write in step.writes)
    kept = any(step.stays for step in scenario.steps)
    back = [step for step in reversed(scenario.steps) if step.undo_method and not step.stays]
    all_back = done + tuple(write for step in back for write in step.undo)
    lasting = any(step.undo_method is None for step in scenario.steps)
    stands = lasting or kept or any(step.shows_again for step in back)
    outcome = Outcome.UNVERIFIED if kept else Outcome.UNDONE
    outcome = Outcome.FAILED if lasting else outcome

    yield CrashPoint(
        scenario,
        At.UNDO_DECIDED,
        Trigger(statement=DECIDED, nth=2, cancelled=len(scenario.steps)),
        all_back + _again(back),
        outcome,
        stands,
    )
    if not back:
        return
    trigger = Trigger(statement=PERMITTED, nth=2, cancelled=cancelled)
    yield CrashPoint(scenario, At.UNDO_PERMITTED, trigger, all_back, outcome, stands)
    number = len(scenario.steps)
    for step in back:
        number += 1
        for at, on, nth, made in _of_step(step_back(step), number, sent):
            statement = INTENDED if at is At.INTENDED else CONFIRMED
            half = 0 < made < len(step.undo)
            yield CrashPoint(
                scenario,
                At[f"UNDO_{at.name}"],
                Trigger(on, statement, nth, cancelled),
                all_back[: sent + made] if half else all_back + _again([step] * bool(made)),
                Outcome.FAILED if half else outcome,
                stands or half,
            )
        sent += len(step.undo)


def _after(scenario: Scenario) -> Iterator[CrashPoint]:
    """Crash after the verification: what was verified is kept, and only the account is missing."""
    back = [step for step in reversed(scenario.steps) if scenario.keeps]
    steps = [step.writes for step in scenario.steps] + [step.undo for step in back]
    writes = tuple(write for step in steps for write in step)
    stands = not scenario.keeps
    places = {At.VERIFIED: "INSERT INTO verifications", At.RELEASED: "DELETE FROM target_locks"}
    for at, statement in places.items():
        yield CrashPoint(
            scenario, at, Trigger(statement=statement), writes, scenario.killed.verified, stands
        )
    account = Trigger(statement="INSERT INTO resolutions")
    yield CrashPoint(scenario, At.CONCLUDED, account, writes, scenario.killed.ends, stands)
    yield CrashPoint(
        scenario,
        At.NOTIFIED,
        Trigger(On.NOTICE, nth=scenario.other_messages + 1),
        writes,
        scenario.killed.verified,
        stands,
        notices=2,
    )


def step_back(step: Step) -> Step:
    """Return the undo of a step as a step."""
    return Step(step.undo_method or "", step.undo)


def _again(back: list[Step]) -> tuple[str, ...]:
    """Return what recovery repeats, because the step still seems to be in effect."""
    return tuple(write for step in back if step.shows_again for write in step.undo)


def _telling() -> Iterator[CrashPoint]:
    """Yield one crash point of each scenario, all boundaries among them, and one asleep."""
    seen: Counter[At] = Counter()
    for scenario in sorted(CHANGING, key=lambda each: len(list(crash_points_of(each)))):
        point = min(
            crash_points_of(scenario), key=lambda each: (seen[each.at], each.sleeps, _rarity(each))
        )
        seen[point.at] += 1
        yield point
    yield next(each for each in ALL if each.sleeps)


def _rarity(point: CrashPoint) -> int:
    return sum(each.at is point.at for each in ALL)


ALL = [point for scenario in CHANGING for point in crash_points_of(scenario)]
TELLING = list(_telling())
