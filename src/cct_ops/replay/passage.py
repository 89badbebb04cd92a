"""
How far a run comes in a replay: through mode, guards and approval, judged as the gate judges.

Silences, declared maintenance, the target's lock, merges and what was found under the lock are as
they were then: nothing in a history shows what they would have been for another run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from cct_ops.config.policy import Policy
from cct_ops.gate.guards import allowed_mode, rules_for, too_long
from cct_ops.models.guards import Guard, Intent, Rules, judge
from cct_ops.models.plan import Plan
from cct_ops.models.run import Mode, Outcome, Severity, lowest
from cct_ops.replay.history import RunOfThen
from cct_ops.replay.result import End
from cct_ops.replay.world import Place, World

TOO_LONG = "longest temporary change"
_AS_THEN = {Guard.DECLARED, Guard.SILENCE, Guard.LOCK, Guard.MERGE, Guard.UNREADABLE}
_FOUND_THEN = {Outcome.VOID, Outcome.NOTHING_TO_DO, Outcome.FAILED, Outcome.CANCELLED}
_NAMESPACE = UUID("a3f6dcb2-6e0b-4c9b-93a5-5f1c7f6f0b11")

When = Callable[[datetime, Callable[[datetime], None]], None]
"""Has something done when it is so late in the replay."""


class Ended(NamedTuple):
    """How far a run came, in which mode, and by which guard it was stopped."""

    end: End
    mode: Mode
    guard: str | None = None
    known: bool = True


@dataclass(frozen=True)
class Wanted:
    """A run that begins: for which incident, from what, and what is known of it."""

    incident: UUID
    playbook: str
    mode: Mode
    target: str | None
    then: RunOfThen | None
    done: Callable[[Ended], None]

    @property
    def id(self) -> UUID:
        """The id of the run: that of the real one, or one that is always the same."""
        return self.then.id if self.then else uuid5(_NAMESPACE, f"{self.incident} {self.playbook}")


@dataclass(frozen=True)
class Passages:
    """The gate of a replay."""

    policy: Policy
    world: World
    when: When

    def repeat(self, run: RunOfThen) -> None:
        """Have a run happen as it did, whatever the rules: one that no alert of these started."""
        place = (run.playbook, run.target)
        for moment in run.decided_at:
            self.when(moment, lambda at: self.world.decide(at, run.id, place))
        if run.permitted_at is not None:
            self.when(run.permitted_at, lambda at: self.world.permit(at, run.id, place, run.calls))
        self._end_as_then(run, place)

    def begin(self, wanted: Wanted, at: datetime) -> None:
        """Let a run begin at this moment."""
        then = wanted.then
        if then is None:
            self._unknown(wanted, at)
        elif then.plan is None:
            mode = lowest(wanted.mode, self.policy.ceiling(wanted.playbook))
            wanted.done(Ended(End.NO_PLAN, mode))
        else:
            plan = then.plan
            looked_at = max(at, *then.decided_at[:1])
            self.when(looked_at, lambda now: self._look(wanted, then, plan, now))

    def _unknown(self, wanted: Wanted, at: datetime) -> None:
        """End a run of which nothing is known but its target, and not always that."""
        if wanted.target is None:
            mode = lowest(wanted.mode, self.policy.ceiling(wanted.playbook))
            guard = None
        else:
            place = (wanted.playbook, wanted.target)
            mode, _ = self._mode(wanted, place, at)
            guard = None if mode is Mode.OBSERVE else self._stop(wanted, place, 1, at)
        if mode is Mode.OBSERVE:
            wanted.done(Ended(End.RECOMMENDED, mode, known=False))
        elif guard is not None:
            wanted.done(Ended(End.BLOCKED, mode, guard, known=False))
        elif mode is Mode.APPROVE:
            wanted.done(Ended(End.ASKS, mode, known=False))
        else:
            if wanted.target is not None:
                self.world.decide(at, wanted.id, (wanted.playbook, wanted.target))
                self.world.permit(at, wanted.id, (wanted.playbook, wanted.target), 1)
            wanted.done(Ended(End.MAY_CHANGE, mode, known=False))

    def _look(self, wanted: Wanted, then: RunOfThen, plan: Plan, at: datetime) -> None:
        """Come to the gate with the plan of then."""
        place = (wanted.playbook, plan.target)
        mode, _ = self._mode(wanted, place, at)
        self.world.decide(at, wanted.id, place)
        refused = self._refusal(wanted, then, plan, mode, at)
        if refused is not None:
            wanted.done(refused)
            return
        permitted_at = max(at, then.permitted_at) if then.permitted_at else at
        self.when(permitted_at, lambda now: self._change(wanted, then, plan, mode, now))

    def _refusal(
        self, wanted: Wanted, then: RunOfThen, plan: Plan, mode: Mode, at: datetime
    ) -> Ended | None:
        """Return how the run ends before its change, or None."""
        place = (wanted.playbook, plan.target)
        if mode is Mode.OBSERVE:
            return Ended(End.RECOMMENDED, mode)
        if too_long(plan, self.policy.temporary_changes.longest_minutes):
            return Ended(End.BLOCKED, mode, TOO_LONG)
        if guard := self._stop(wanted, place, len(plan.calls), at):
            return Ended(End.BLOCKED, mode, guard)
        if then.guard in _AS_THEN:
            return Ended(End.BLOCKED, mode, then.guard)
        if end := self._answer(then, plan, mode):
            return Ended(end, mode)
        found = then.permitted_at is None and then.guard is None and then.verdict in _FOUND_THEN
        return Ended(End.AS_IT_WAS, mode) if found else None

    def _answer(self, then: RunOfThen, plan: Plan, mode: Mode) -> End | None:
        """Return how the run ends for want of a yes; None where it has one, or needs none."""
        if mode is Mode.AUTO and plan.person is None:
            return None
        two = self.policy.approvals.second_person.reason(plan, then.severity or Severity.P2)
        if two and then.persons < 2:
            return End.ASKS_TWO
        if then.approved is None:
            return End.ASKS
        return None if then.approved else End.NOT_APPROVED

    def _change(
        self, wanted: Wanted, then: RunOfThen, plan: Plan, mode: Mode, at: datetime
    ) -> None:
        """Get the permit, unless a guard stops it now, and end as the run did."""
        place, calls = (wanted.playbook, plan.target), len(plan.calls)
        if guard := self._stop(wanted, place, calls, at):
            wanted.done(Ended(End.BLOCKED, mode, guard))
            return
        self.world.permit(at, wanted.id, place, calls)
        if then.permitted_at is None:
            wanted.done(Ended(End.MAY_CHANGE, mode))
            return
        self._end_as_then(then, place)
        wanted.done(Ended(End.CHANGED, mode))

    def _end_as_then(self, run: RunOfThen, place: Place) -> None:
        if run.undo_failed_at is not None:
            self.when(run.undo_failed_at, lambda at: self.world.fail_to_undo(at, place))
        if run.outcome is not None and run.finished_at is not None:
            outcome = run.outcome
            self.when(
                run.finished_at,
                lambda at: self.world.conclude(
                    at, run.id, place, outcome, held=run.held, refused=run.refused
                ),
            )
        elif run.over_at is not None:
            self.when(run.over_at, lambda at: self.world.give_up(at, run.id, place))

    def _mode(self, wanted: Wanted, place: Place, at: datetime) -> tuple[Mode, str]:
        return allowed_mode(
            self.policy, wanted.mode, wanted.playbook, lambda: self.world.level(at, place)
        )

    def _stop(self, wanted: Wanted, place: Place, calls: int, at: datetime) -> str | None:
        """Return the first guard that stops so many calls now."""
        rules = rules_for(self.policy, lambda: (), wanted.playbook)
        assert isinstance(rules, Rules)  # noqa: S101 -- nobody is asked for silences
        intent = Intent(
            playbook=wanted.playbook,
            target=place[1],
            calls=calls,
            run_id=wanted.id,
            incident_id=wanted.incident,
        )
        facts = self.world.facts(at, place, {})
        return next((each.guard.value for each in judge(intent, facts, rules) if each.stops), None)
