"""What runs of the week plan, and how long things take."""

from __future__ import annotations

from datetime import timedelta

from cct_ops.models.outcome import Evidence, Severity
from cct_ops.models.plan import Call, Plan, Step
from cct_ops.models.steady_state import ChangeHolds
from evaluation.simulation.scenario import Firing, Kind

DIAGNOSIS = timedelta(seconds=10)
WATCH = timedelta(minutes=5)
STALL = timedelta(minutes=40)  # longer than a lock lasts
LASTS = timedelta(minutes=60)
PERMIT_SECONDS = 960.0
LOCK_WAIT = timedelta(minutes=15)


class Conclusion:
    """The diagnosis of a run, as far as the record wants one."""

    severity = Severity.P1
    evidence: tuple[Evidence, ...] = ()

    def __init__(self, plan: Plan) -> None:
        self.plan, self.playbook, self.target = plan, plan.playbook, plan.target
        self.headline = f"{plan.target} is broken."


def plan_for(firing: Firing) -> Plan:
    """Return the plan: two calls with their undo, or one temporary change."""
    temporary = firing.kind is Kind.WEAKENED
    names = (
        (("weaken", "restore"),) if temporary else (("drain", "fill"), ("switch", "switch_back"))
    )
    return Plan(
        playbook=firing.kind.value,
        target=firing.target,
        summary=f"Repair {firing.target}.",
        blast_radius=firing.target,
        steps=tuple(
            Step(
                call=Call(method=change, arguments={"target": firing.target}),
                undo=Call(method=undo, arguments={"target": firing.target}),
                lasts_minutes=LASTS.total_seconds() / 60 if temporary else None,
            )
            for change, undo in names
        ),
        steady_state=ChangeHolds(what="It works", watch_seconds=WATCH.total_seconds()),
        state={},
    )
