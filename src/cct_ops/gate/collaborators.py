"""The gate's collaborators: a clock, the systems outside, the log of its run, ways to people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from cct_ops import interrupts
from cct_ops.actions.action import Action, ReadBack
from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import Call, Permit, Plan
from cct_ops.models.run import Run
from cct_ops.models.silence import Silence
from cct_ops.models.topic import Topic


class Clock(Protocol):
    """The time in which a run waits; the ledger has a clock of its own."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Let time go by."""

    def repeating(
        self, seconds: float, renew: Callable[[], None], name: str
    ) -> AbstractContextManager[None]:
        """Call ``renew`` every so many seconds, beside the run, until the block ends."""


@dataclass(frozen=True)
class SystemClock:
    """The clock of this machine."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = interrupts.sleep
    repeating: leases.Repeating = leases.repeating


class Systems(Protocol):
    """The world outside, as far as plans change it; a write is spoken of as its stored ``Call``."""

    def action(self, call: Call, /) -> Action:
        """Return the action of a stored call, which declares how it has to be treated."""

    def look_at(self, call: Call, /) -> ReadBack:
        """Look once whether the call's effect shows; raises ``Unavailable`` without an answer."""

    def send(self, permit: Permit, call: Call, /) -> None:
        """Send the call once, if the ledger's row of the permit lets it through."""

    def silences(self) -> tuple[Silence, ...]:
        """Return Alertmanager's silences that count now."""


class Story(Protocol):
    """The log of a run, as sentences for people."""

    def concluded(self, diagnosis: Diagnosis) -> None:
        """Log what was seen, and the conclusion."""

    def planned(self, plan: Plan) -> None:
        """Log what is to be done about it."""

    def decided(self, what: str, reason: str) -> None:
        """Log what was decided about the plan, and why."""

    def done(self, call: Call, /) -> None:
        """Log that a call was carried out and its effect was seen."""

    def warned(self, sentence: str, *arguments: object) -> None:
        """Log what did not go as it should."""


class Notifier(Protocol):
    """The messages to people that the gate itself sends."""

    def notify_approval_needed(self, approval: Approval, run: Run) -> None:
        """Notify people that a plan waits for their yes."""

    def notify_outcome(
        self, run: Run, target: str, reason: str, topic: Topic, commands: Sequence[str]
    ) -> bool:
        """Notify people how a run ended; false where that is still to be said."""


class Suspension(Protocol):
    """The wait of a run for an answer that only people can give."""

    def started_by(self) -> str | None:
        """Return who started this run, where that is known."""

    def suspend(self, approval: Approval) -> Answer | None:
        """Suspend the run until it is resumed; returns what was said in a form, where one counts.

        It may raise what ends this process of the run, which begins anew once there is an answer.
        """
