"""
What a dead run left behind, judged from its journal and a look at each thing that it had begun.

The journal alone proves nothing: an intended call may have taken effect or not, and a confirmed one
may have been taken back since. So each step is judged by what CCT shows now.
"""

from __future__ import annotations

from typing import ClassVar

from cct_ops.models.base import Frozen
from cct_ops.models.crashed_run import BegunStep, CrashedRun
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.plan import Call, ChangeHolds, Plan, Step
from cct_ops.models.run import RECOVER, Evidence, Outcome, Severity
from cct_ops.models.verification import Verdict


class StepState(Frozen):
    """The state of a begun step at one look: in effect or not, undone or not."""

    begun: BegunStep
    in_effect: bool
    undone: bool
    seen: str


class RecoveryDiagnosis(Conclusion):
    """The steps to put back after a crashed run, and the outcome of that run."""

    playbook: ClassVar[str] = RECOVER

    @classmethod
    def of(cls, crashed: CrashedRun, steps: tuple[StepState, ...]) -> RecoveryDiagnosis:
        """
        Conclude; a change that the run had verified before it died is not taken back.

        Neither is what lowers risk: the state before is the more dangerous one. Where a person had
        taken the run over, it goes by that person's word.
        """
        if crashed.ended:
            return cls._looked_again(crashed, steps)
        who = f"Run {crashed.run.name} ({crashed.run.playbook}) died"
        taken = crashed.taken
        if taken is not None and not taken.choice.undoes:
            return cls._kept(crashed, steps, f"{who} in the middle of its change. {taken.words}")
        if taken is not None:
            who = f"{taken.words} {who}"
        evidence = tuple(_evidence(step) for step in steps)
        if taken is None and crashed.verified in {Verdict.HOLDS, Verdict.TOO_FEW_SAMPLES}:
            holds = crashed.verified is Verdict.HOLDS
            return cls(
                target=crashed.plan.target,
                headline=f"{who} after its verification, before its report: {crashed.reason}",
                severity=Severity.P2,
                evidence=evidence,
                outcome=Outcome.RESOLVED if holds else Outcome.UNVERIFIED,
            )
        in_effect = [step for step in steps if step.in_effect]
        kept = [str(each.begun.step.call) for each in in_effect if each.begun.step.lowers_risk]
        rest = [each.begun.step for each in in_effect if not each.begun.step.lowers_risk]
        lasting = [str(step.call) for step in rest if step.undo is None]
        calls = [step.undo for step in reversed(rest) if step.undo]
        foreign = [each for each in steps if not each.in_effect and not each.undone]
        headline = f"{who} in the middle of its change. {_sentence(calls, lasting, foreign, kept)}"
        outcome = Outcome.UNVERIFIED if kept else Outcome.UNDONE
        return cls(
            target=crashed.plan.target,
            headline=headline,
            severity=Severity.P1,
            evidence=evidence,
            plan=_plan(crashed.plan, calls) if calls else None,
            outcome=Outcome.FAILED if lasting or foreign else outcome,
        )

    @classmethod
    def _kept(
        cls, crashed: CrashedRun, steps: tuple[StepState, ...], why: str
    ) -> RecoveryDiagnosis:
        """Conclude about a run whose change a person wants to stay."""
        kept = [str(each.begun.step.call) for each in steps if each.in_effect]
        stays = f"What it changed stays: {', '.join(kept)}."
        return cls(
            target=crashed.plan.target,
            headline=f"{why} {stays if kept else 'Nothing of it is in effect.'}",
            severity=Severity.P1 if kept else Severity.P2,
            evidence=tuple(_evidence(step) for step in steps),
            outcome=Outcome.UNVERIFIED if kept else Outcome.CANCELLED,
        )

    @classmethod
    def _looked_again(cls, crashed: CrashedRun, steps: tuple[StepState, ...]) -> RecoveryDiagnosis:
        """Conclude about a run that ended without knowing whether its change took effect."""
        who = f"Run {crashed.run.name} ({crashed.run.playbook}) ended without knowing it"
        missing = [each for each in steps if not each.in_effect]
        if missing:
            seen = "; ".join(f"{each.begun.step.call}: {each.seen}" for each in missing)
            outcome = Outcome.FAILED
            headline = f"{who}: its change has not taken effect ({seen}). A person must look."
        else:
            seen = "; ".join(f"{each.begun.step.call}: {each.seen}" for each in steps)
            # Where more must hold than the change itself, nobody has watched for that.
            shown = isinstance(crashed.plan.steady_state, ChangeHolds) and crashed.taken is None
            outcome = Outcome.RESOLVED if shown else Outcome.UNVERIFIED
            headline = f"{who}: its change has taken effect since ({seen})."
        return cls(
            target=crashed.plan.target,
            headline=headline,
            severity=Severity.P1 if missing else Severity.P2,
            evidence=tuple(_evidence(step) for step in steps),
            outcome=outcome,
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls to carry out, in this order."""
        return self.plan.calls if self.plan else ()


def _sentence(
    calls: list[Call], lasting: list[str], foreign: list[StepState], kept: list[str]
) -> str:
    parts = []
    if kept:
        parts.append(f"It stays, because it lowers risk: {', '.join(kept)}.")
    if calls:
        parts.append(f"Taken back by {', '.join(map(str, calls))}.")
    if lasting:
        parts.append(f"It cannot be taken back, so a person must look: {', '.join(lasting)}.")
    if foreign:
        seen = "; ".join(f"{each.begun.step.call}: {each.seen}" for each in foreign)
        parts.append(f"Left as it is, neither changed nor as before: {seen}.")
    return " ".join(parts) or "Nothing of it is in effect, so nothing had to be taken back."


def _evidence(step: StepState) -> Evidence:
    journal = "confirmed" if step.begun.confirmed else "intended, in doubt"
    if step.in_effect:
        meaning = "It took effect."
    elif step.undone:
        meaning = "It is as it was before."
    else:
        meaning = "It is neither as it was set nor as it was before."
    return Evidence.of(f"{step.begun.step.call} ({journal})", step.seen, meaning)


def _plan(plan: Plan, calls: list[Call]) -> Plan:
    """Return the plan of the way back; what it takes back is what undoes it."""
    forward = {str(step.undo): step.call for step in plan.steps if step.undo is not None}
    return Plan(
        playbook=RecoveryDiagnosis.playbook,
        target=plan.target,
        summary=f"Take back what a dead run of {plan.playbook} had begun.",
        blast_radius=plan.blast_radius,
        steps=tuple(Step(call=call, undo=forward[str(call)]) for call in calls),
        steady_state=ChangeHolds(what="As it was before the run", watch_seconds=0),
        state={},
    )
