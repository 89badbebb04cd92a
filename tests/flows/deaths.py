"""
At which boundaries a playbook can die, and what must be true of the world afterwards.

Both follow from what the playbook does: its steps, how each is taken back, and whether it can be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from cct_ops.models.run import Outcome
from cct_ops.scenarios.scenario import Scenario, Step
from tests.flows.acts import ACTS
from tests.flows.traps import CONFIRMED, INTENDED, On, Trap

PERMITTED, DECIDED = "INSERT INTO permits", "INSERT INTO decisions"


class At(StrEnum):
    """The boundaries; those of the undo are after a cancellation, or where it is taken back."""

    LOCKED = "before the permit"
    PERMITTED = "permitted, nothing begun"
    ARRANGED = "its end is arranged, no wake-up yet"
    WOKEN = "its end is arranged, nothing begun"
    INTENDED = "intended, not sent"
    UNANSWERED = "applied, not answered"
    ANSWERED = "answered, not confirmed"
    CONFIRMED = "confirmed, not verified"
    VERIFYING = "during the verification"
    VERIFIED = "verified, still under its lock"
    RELEASED = "verified, not reported"
    TOLD = "people are told, no account"
    CONCLUDED = "its account is given"
    UNDO_PERMITTED = "undo permitted"
    UNDO_INTENDED = "undo intended, not sent"
    UNDO_UNANSWERED = "undo applied, not answered"
    UNDO_ANSWERED = "undo answered, not confirmed"
    UNDO_CONFIRMED = "undo confirmed"
    UNDO_DECIDED = "undone, not reported"


@dataclass(frozen=True)
class Death:
    """
    One act, where it dies, and what is true in the end.

    ``stands``: the world is not as it was before. ``tells``: how often people are told its end.
    One that ``sleeps`` is only stopped there, until it was recovered, and then goes on.
    """

    act: Scenario
    at: At
    trap: Trap
    writes: tuple[str, ...]
    outcome: Outcome
    stands: bool
    tells: int = 1
    sleeps: bool = False

    def __str__(self) -> str:
        """Name the test."""
        asleep = ", asleep" * self.sleeps
        return f"{self.act}, {self.at} ({self.trap.nth}){asleep}"

    @property
    def begun(self) -> bool:
        """Whether the dead run may have changed something, and gave no account of it."""
        return self.at not in _NOTHING_BEGUN | {At.CONCLUDED}


_NOTHING_BEGUN = {At.LOCKED, At.PERMITTED, At.ARRANGED, At.WOKEN}


def deaths_of(act: Scenario) -> Iterator[Death]:
    """Yield every way to die in this act."""
    yield from _before(act)
    sent = 0
    for number, step in enumerate(act.steps, start=1):
        for at, on, nth, made in _of_step(step, number, sent):
            trap = Trap(on, INTENDED if at is At.INTENDED else CONFIRMED, nth)
            death = _in_the_middle(act, at, trap, number, made)
            yield death
            if at is At.CONFIRMED:
                yield replace(death, sleeps=True)
            if at is At.INTENDED:
                yield _too_late(death, step)
        sent += len(step.writes)
    yield _in_the_middle(
        act, At.VERIFYING, Trap(On.LOOK, nth=len(act.steps)), len(act.steps), len(step.writes)
    )
    yield from _undoing(act, sent)
    for death in _after(act):
        yield death
        if death.at is At.VERIFIED:
            yield replace(death, sleeps=True)


def _of_step(step: Step, number: int, sent: int) -> Iterator[tuple[At, On, int, int]]:
    """Yield each boundary of a step: what springs it, and how many of its writes are made."""
    yield At.INTENDED, On.STATEMENT, number, 0
    for write in range(1, len(step.writes) + 1):
        yield At.UNANSWERED, On.SILENCE, sent + write, write
        yield At.ANSWERED, On.ANSWER, sent + write, write
    yield At.CONFIRMED, On.STATEMENT, number, len(step.writes)


def _before(act: Scenario) -> Iterator[Death]:
    places = {At.LOCKED: "INSERT INTO target_locks", At.PERMITTED: PERMITTED}
    if any(step.lasts for step in act.steps):
        places |= {
            At.ARRANGED: "INSERT INTO temporary_changes",
            At.WOKEN: "UPDATE temporary_changes",
        }
    for at, statement in places.items():
        yield Death(act, at, Trap(statement=statement), (), Outcome.FAILED, stands=False)


def _in_the_middle(act: Scenario, at: At, trap: Trap, number: int, made: int) -> Death:
    """Derive what recovery makes of it, ``made`` writes into that step."""
    step = act.steps[number - 1]
    whole = list(act.steps[: number - 1]) + [step] * (made == len(step.writes))
    half = 0 < made < len(step.writes)
    writes = [write for each in act.steps[: number - 1] for write in each.writes]
    writes += step.writes[:made]
    writes += [write for each in reversed(whole) if not each.stays for write in each.undo]
    lasting = half or any(each.undo_method is None for each in whole)
    kept = any(each.stays for each in whole)
    stands = lasting or kept or any(each.shows_again for each in whole)
    outcome = Outcome.UNVERIFIED if kept else Outcome.UNDONE
    outcome = Outcome.FAILED if lasting else outcome
    return Death(act, at, trap, tuple(writes), outcome, stands)


def _too_late(death: Death, step: Step) -> Death:
    """
    Sleep between the last check and the call, until it was recovered.

    No check can hold it then: it sends its call, learns that it was taken for dead, and says so.
    """
    writes = death.writes + step.writes
    return replace(death, writes=writes, outcome=Outcome.FAILED, stands=True, tells=2, sleeps=True)


def _undoing(act: Scenario, sent: int) -> Iterator[Death]:
    """Die while it is taken back: by itself where that belongs to it, else after a cancellation."""
    cancelled = 0 if act.keeps else len(act.steps)
    done = tuple(write for step in act.steps for write in step.writes)
    kept = any(step.stays for step in act.steps)
    back = [step for step in reversed(act.steps) if step.undo_method and not step.stays]
    all_back = done + tuple(write for step in back for write in step.undo)
    lasting = any(step.undo_method is None for step in act.steps)
    stands = lasting or kept or any(step.shows_again for step in back)
    outcome = Outcome.UNVERIFIED if kept else Outcome.UNDONE
    outcome = Outcome.FAILED if lasting else outcome

    yield Death(
        act,
        At.UNDO_DECIDED,
        Trap(statement=DECIDED, nth=2, cancelled=len(act.steps)),
        all_back + _again(back),
        outcome,
        stands,
    )
    if not back:
        return
    trap = Trap(statement=PERMITTED, nth=2, cancelled=cancelled)
    yield Death(act, At.UNDO_PERMITTED, trap, all_back, outcome, stands)
    number = len(act.steps)
    for step in back:
        number += 1
        for at, on, nth, made in _of_step(step_back(step), number, sent):
            statement = INTENDED if at is At.INTENDED else CONFIRMED
            half = 0 < made < len(step.undo)
            yield Death(
                act,
                At[f"UNDO_{at.name}"],
                Trap(on, statement, nth, cancelled),
                all_back[: sent + made] if half else all_back + _again([step] * bool(made)),
                Outcome.FAILED if half else outcome,
                stands or half,
            )
        sent += len(step.undo)


def _after(act: Scenario) -> Iterator[Death]:
    """Die after the verification: what was verified is kept, and only the account is missing."""
    back = [step for step in reversed(act.steps) if act.keeps]
    steps = [step.writes for step in act.steps] + [step.undo for step in back]
    writes = tuple(write for step in steps for write in step)
    stands = not act.keeps
    places = {At.VERIFIED: "INSERT INTO verifications", At.RELEASED: "DELETE FROM target_locks"}
    for at, statement in places.items():
        yield Death(act, at, Trap(statement=statement), writes, act.killed.verified, stands)
    account = Trap(statement="INSERT INTO resolutions")
    yield Death(act, At.CONCLUDED, account, writes, act.killed.ends, stands)
    yield Death(
        act,
        At.TOLD,
        Trap(On.NOTICE, nth=act.other_messages + 1),
        writes,
        act.killed.verified,
        stands,
        tells=2,
    )


def step_back(step: Step) -> Step:
    """Return the undo of a step as a step."""
    return Step(step.undo_method or "", step.undo)


def _again(back: list[Step]) -> tuple[str, ...]:
    """Return what recovery repeats, because the step still seems to be in effect."""
    return tuple(write for step in back if step.shows_again for write in step.undo)


def _telling() -> Iterator[Death]:
    """Yield one death of each act, so that all boundaries are among them, and one asleep."""
    seen: Counter[At] = Counter()
    for act in sorted(ACTS, key=lambda each: len(list(deaths_of(each)))):
        death = min(deaths_of(act), key=lambda each: (seen[each.at], each.sleeps, _rarity(each)))
        seen[death.at] += 1
        yield death
    yield next(each for each in ALL if each.sleeps)


def _rarity(death: Death) -> int:
    return sum(each.at is death.at for each in ALL)


ALL = [death for act in ACTS for death in deaths_of(act)]
TELLING = list(_telling())
