"""Decides if a temporary change is reverted now: compared first, then restored."""

from __future__ import annotations

from typing import ClassVar

from cct_ops.models.base import Frozen, duration
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import ChangeHolds, Plan, Step
from cct_ops.models.run import EXTEND, REVERT, Evidence, Outcome, Severity


class Comparison(Frozen):
    """The result of a look: the value is still as set, or as it was before."""

    as_set: bool
    as_before: bool
    seen: str


class ReversionDiagnosis(Conclusion):
    """The end of a temporary change; ``ends_as`` is None while it goes on or after its end."""

    playbook: ClassVar[str] = REVERT
    ends_as: ChangeState | None

    @classmethod
    def not_now(cls, change: TemporaryChange) -> ReversionDiagnosis:
        """Conclude that there is nothing to do: its time is not over, or it has ended."""
        if change.open:
            return cls._idle(change, f"{change.call} is not due: it lasts until {_time(change)}.")
        return cls._idle(change, f"{change.call} has ended already: {change.state}.")

    @classmethod
    def extended(cls, change: TemporaryChange) -> ReversionDiagnosis:
        """Conclude that its end was moved."""
        headline = f"{change.call} was extended: it lasts until {_time(change)}."
        return cls._idle(change, headline).ended_by(Outcome.RESOLVED, headline)

    @classmethod
    def longer(
        cls, change: TemporaryChange, minutes: float, reason: str, severity: Severity
    ) -> ReversionDiagnosis:
        """Conclude that persons have to say yes again, because they did to the change itself."""
        lasting = duration(minutes * 60)
        headline = f"{change.call} is to last {lasting} from now: {reason}."
        made = Evidence.of(
            f"temporary change {change.id}",
            f"{change.call} until {_time(change)}",
            f"Made by {change.owner}: {change.reason}. Before it was: {change.before}.",
        )
        again = Plan(
            playbook=EXTEND,
            target=change.target,
            summary=f"Let {change.call} last {lasting} from now.",
            blast_radius="What it weakened stays weak for longer; nothing else is changed.",
            steps=(Step(call=change.call, undo=change.revert, lasts_minutes=minutes),),
            steady_state=ChangeHolds(what=f"As it was set: {change.call}", watch_seconds=0),
            state={"change": str(change.id), "until": change.until.isoformat()},
            needs_person="It takes a yes again, because the change itself took one",
        )
        return cls(
            target=change.target,
            headline=headline,
            severity=severity,
            evidence=(made,),
            plan=again,
            outcome=Outcome.BLOCKED,
            ends_as=None,
        )

    def ended_by(self, outcome: Outcome, why: str) -> ReversionDiagnosis:
        """Conclude that the run ends so, because of the answer."""
        return self.model_copy(update={"outcome": outcome, "headline": why, "plan": None})

    @classmethod
    def _idle(cls, change: TemporaryChange, headline: str) -> ReversionDiagnosis:
        return cls(
            target=change.target,
            headline=headline,
            severity=Severity.P2,
            evidence=(),
            outcome=Outcome.NOTHING_TO_DO,
            ends_as=None,
        )

    @classmethod
    def of(cls, change: TemporaryChange, found: Comparison) -> ReversionDiagnosis:
        """Conclude from a look that was taken under the target's lock."""
        if found.as_set:
            ends, outcome = ChangeState.REVERTED, Outcome.RESOLVED
            headline = f"{change.call} is over: {change.revert} brings back {change.before}."
        elif found.as_before and change.state is ChangeState.SCHEDULED:
            ends, outcome = ChangeState.NOT_MADE, Outcome.NOTHING_TO_DO
            headline = f"{change.call} never took effect: {found.seen}."
        elif found.as_before and change.state is ChangeState.REVERTING:
            ends, outcome = ChangeState.REVERTED, Outcome.RESOLVED
            headline = f"An earlier run that did not end brought back {change.before}."
        elif found.as_before:
            ends, outcome = ChangeState.REVERTED_BY_CCT, Outcome.NOTHING_TO_DO
            headline = f"CCT is back by itself at what was before {change.call}: {found.seen}."
        else:
            ends, outcome = ChangeState.LEFT, Outcome.VOID
            headline = (
                f"Somebody changed it since {change.call}, so it is left as it is: {found.seen}."
                f" Before, it was: {change.before}."
            )
        return cls(
            target=change.target,
            headline=headline,
            severity=Severity.P1 if ends is ChangeState.LEFT else Severity.P2,
            evidence=(
                Evidence.of(
                    f"temporary change {change.id}",
                    f"{change.call} until {_time(change)}",
                    f"Made by {change.owner}: {change.reason}",
                ),
                Evidence.of("CCT", found.seen, f"It is {ends}."),
            ),
            plan=_plan(change) if found.as_set else None,
            outcome=outcome,
            ends_as=ends,
        )

    def unconfirmed(self, why: str) -> ReversionDiagnosis:
        """Conclude that it was taken back and no read shows that: it stays open for the sweep."""
        headline = f"{self.headline} {why} It is looked at again, and taken back again if need be."
        return self.model_copy(
            update={"headline": headline, "outcome": Outcome.UNVERIFIED, "ends_as": None}
        )


def _time(change: TemporaryChange) -> str:
    return f"{change.until:%Y-%m-%d %H:%M:%S} UTC"


def _plan(change: TemporaryChange) -> Plan:
    return Plan(
        playbook=ReversionDiagnosis.playbook,
        target=change.target,
        summary=f"End the temporary {change.call}.",
        blast_radius="What the temporary change had weakened is as strict as before.",
        steps=(Step(call=change.revert, undo=change.call, lowers_risk=True),),
        steady_state=ChangeHolds(what=f"As before: {change.before}", watch_seconds=0),
        state={},
    )
