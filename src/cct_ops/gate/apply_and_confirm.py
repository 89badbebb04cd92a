"""
How every call is carried out: with a permit, sent once and never retried, then read back.

CCT answers 200 to writes that it does not store, and an answer may be lost after the write was
made. So neither an answer nor its absence is believed: what a read shows afterwards decides. Only
a refusal is taken for what it says: nothing was done, in whose words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa

from cct_ops import tracing
from cct_ops.actions.action import ReadBack
from cct_ops.errors import (
    ContractBroken,
    NotDone,
    OpsError,
    Rejected,
    SteadyStateNotReached,
    Unavailable,
    Unconfirmed,
    Unsupported,
)
from cct_ops.gate.collaborators import Clock, Story, Systems
from cct_ops.ledger.gate import changes, leases, permits, takeovers
from cct_ops.ledger.gate.permits import NOT_DONE, WITHOUT_EFFECT
from cct_ops.models.base import duration
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import Call, Permit, PermitKind, Plan, Step
from cct_ops.models.run import Mode, Run
from cct_ops.models.takeover import stop_by
from cct_ops.settings import Settings

FIRST_LOOK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

# Before what is looked at once more after no answer.
PAUSES = (1.0, 4.0)


@dataclass(frozen=True)
class Executor:
    """
    Carries calls out for one run, and looks at what they come to.

    ``as_step`` surrounds a call with what people see of it, and has to ``apply`` it.
    """

    run: Run
    engine: sa.Engine
    settings: Settings
    clock: Clock
    systems: Systems
    story: Story
    as_step: Callable[[Permit, Call], None] | None = None

    def alive(self) -> AbstractContextManager[None]:
        """Show that the run lives, until the block ends."""
        return leases.alive(
            self.engine, self.run.id, self.settings.lease_seconds, self.clock.repeating
        )

    def perform_all(self, permit: Permit) -> None:
        """
        Carry out all calls of a permit, in their order.

        Once a person has said that the run only watches on, no further change is made.
        """
        for call in permit.calls:
            if permit.kind is PermitKind.CHANGE:
                taken = takeovers.of_run(self.engine, self.run.id)
                stop_by(taken)
                if taken is not None:
                    self.story.warned("%s Not made: %s", taken.words, call)
                    continue
            (self.as_step or self.apply)(permit, call)
            self.story.done(call)

    def apply(self, permit: Permit, call: Call) -> None:
        """
        Send one call, and return once a look shows its effect.

        Raises ``NotPermitted`` before anything is sent, ``NotDone`` when the system refused it, and
        ``SteadyStateNotReached`` when it was taken and its effect does not show for as long as
        reads may lag behind writes; ``Unconfirmed`` when in that time nothing showed how it stands.
        """
        with tracing.span(f"apply {call.method}"):
            self._apply(permit, call)

    def _apply(self, permit: Permit, call: Call) -> None:
        settle = self.settings.settle_seconds
        doubt = self._send(permit, call)
        halfway = doubt is not None and _refused(doubt)
        look = partial(self.systems.look_at, call)
        seen = read_back(look, self.clock, 0.0 if halfway else settle)
        if seen.took_effect:
            permits.confirm(self.engine, permit, call)
            changes.activate(self.engine, permit, call)
            return
        system = self.systems.action(call).system
        if not seen.answered:
            raise Unconfirmed(
                f"Whether {call} took effect is not known: {_sentence(doubt)}no look was answered"
                f" since ({seen.words})."
            )
        if halfway:
            raise NotDone(f"{system} refused {call}: {doubt} It did not take effect: {seen.words}.")
        within = f"it did not take effect within {duration(settle)}: {seen.words}."
        if doubt is not None:
            permits.settle(self.engine, permit, call, NOT_DONE)
            raise NotDone(f"{call} was not carried out. {_sentence(doubt)}And {within}")
        permits.settle(self.engine, permit, call, WITHOUT_EFFECT)
        raise SteadyStateNotReached(
            f"{system} answered that {call} was done, and {within} Either it stored nothing, or"
            " somebody changed it since."
        )

    def _send(self, permit: Permit, call: Call) -> OpsError | None:
        """Send the call, and return what leaves its fate in doubt; None when it was taken."""
        try:
            self.systems.send(permit, call)
        except (Rejected, Unsupported, Unavailable, ContractBroken) as error:
            if not permits.is_journalled(self.engine, permit, call):
                raise  # it came before the change: nothing was sent
            action = self.systems.action(call)
            if _refused(error) and action.one_request:
                permits.settle(self.engine, permit, call, NOT_DONE)
                raise NotDone(
                    f"{action.system} refused {call}, so nothing was changed: {error}"
                ) from error
            self.story.warned("In doubt whether %s was carried out: %s", call, error)
            return error
        return None

    def holds_already(self, calls: Sequence[Call]) -> str | None:
        """
        Return what is seen where the effect of every call shows before any was made; else None.

        A read-back after such a write would prove nothing, and there is nothing to write.
        """
        seen = []
        for call in calls:
            look = self._patient_look_at(call) if self.systems.action(call).shows_all else None
            if look is None or not look.took_effect:
                return None
            seen.append(look.seen)
        return "; ".join(seen)

    def leaves_part(self, step: Step) -> bool:
        """Say whether a call that shows no effect has left a part that its undo takes away."""
        if step.undo is None or not self.systems.action(step.call).leaves_parts:
            return False
        try:
            return not self._patient_look_at(step.undo).took_effect
        except OpsError as error:
            self.story.warned("Nothing shows what is left of %s: %s", step.call, error)
            return True

    def _patient_look_at(self, call: Call) -> ReadBack:
        for pause in PAUSES:
            try:
                return self.systems.look_at(call)
            except Unavailable as error:
                if error.refused:
                    raise
                self.story.warned("This look says nothing: %s", error)
                self.clock.sleep(pause)
        return self.systems.look_at(call)


class Change(NamedTuple):
    """A change that was let through, by whom it is carried out, and in which mode."""

    executor: Executor
    diagnosis: Diagnosis
    plan: Plan
    permit: Permit
    mode: Mode


class Seen(NamedTuple):
    """The result of the looks after a call."""

    took_effect: bool
    answered: bool
    words: str


def read_back(look: Callable[[], ReadBack], clock: Clock, settle: float) -> Seen:
    """
    Look until the effect shows, or a look that began when no read lags any more shows that not.

    Looks that wait for their turn or are not answered use up none of that time: it takes an answer.
    Only when none comes for as long again it is given up.
    """
    sent = clock.monotonic()
    pause = FIRST_LOOK_SECONDS
    while True:
        began = clock.monotonic()
        try:
            found = look()
        except Unavailable as error:
            if clock.monotonic() - sent > 2 * settle:
                return Seen(took_effect=False, answered=False, words=str(error).rstrip("."))
        else:
            if found.took_effect or began - sent >= settle:
                return Seen(found.took_effect, answered=True, words=found.seen)
        left = settle - (clock.monotonic() - sent)
        clock.sleep(min(pause, left) if left > 0 else pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _refused(error: OpsError) -> bool:
    """Say whether it certainly did nothing: it was refused as it is, or it never arrived."""
    if isinstance(error, Unavailable):
        return error.refused or error.never_left
    return isinstance(error, Rejected | Unsupported)


def _sentence(doubt: OpsError | None) -> str:
    return "" if doubt is None else f"{doubt} "
