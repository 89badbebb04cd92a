"""The conclusions and plans of the week's runs, and the time that things take."""

from __future__ import annotations

from datetime import timedelta

from cct_ops.models.plan import Call, ChangeHolds, Plan, Scalar, Step
from cct_ops.models.run import Evidence, Outcome, Severity
from evaluation.simulation.scenario import USUAL, Firing, Kind

DIAGNOSIS = timedelta(seconds=10)
WATCH = timedelta(minutes=5)
STALL = timedelta(minutes=40)  # longer than a lock lasts
DAWDLING = timedelta(minutes=20)  # longer than a permit lasts
LASTS = timedelta(minutes=60)
# Each call with the one that takes it back, where it is not the usual two.
STEPS = {Kind.WEAKENED: (("weaken", "restore"),), Kind.RIVAL: (("limit", "lift"),)}


class Conclusion:
    """The diagnosis of a run: the target is broken, and could be repaired; or nothing is to do."""

    severity = Severity.P1
    evidence: tuple[Evidence, ...] = ()

    def __init__(self, firing: Firing, cause: str, *, needed: bool) -> None:
        self.playbook, self.target = firing.kind.value, firing.target
        self.plan = plan_for(firing, cause) if needed else None
        self.headline = f"{self.target} is {'broken' if needed else 'well'}."
        self.outcome = Outcome.RECOMMENDED if needed else Outcome.NOTHING_TO_DO


def plan_for(firing: Firing, cause: str = USUAL) -> Plan:
    """Return the plan: two calls with their undo, or one that may be a temporary change."""
    names = STEPS.get(firing.kind, (("drain", "fill"), ("switch", "switch_back")))
    temporary = firing.kind is Kind.WEAKENED
    arguments: dict[str, Scalar] = {"target": firing.target}
    if cause != USUAL:
        arguments["cause"] = cause
    return Plan(
        playbook=firing.kind.value,
        target=firing.target,
        summary=f"Repair {firing.target}.",
        blast_radius=firing.target,
        steps=tuple(
            Step(
                call=Call(method=change, arguments=arguments),
                undo=Call(method=undo, arguments=arguments),
                lasts_minutes=LASTS.total_seconds() / 60 if temporary else None,
            )
            for change, undo in names
        ),
        steady_state=ChangeHolds(what="It works", watch_seconds=WATCH.total_seconds()),
        state={},
        needs_person="Nobody does this alone." if firing.needs_person else None,
    )
