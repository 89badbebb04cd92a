"""Lets a temporary change last longer: by itself, or by the same yes that it took to make it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL

from cct_ops.clients import deployments
from cct_ops.config.policy import Policy
from cct_ops.diagnoses.reversion import ReversionDiagnosis
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.gate import scheduled_reverts
from cct_ops.gate.apply_and_confirm import Executor
from cct_ops.gate.approval import Asking
from cct_ops.gate.collaborators import Notifier, Suspension
from cct_ops.ledger.gate import approvals, change_ends, changes
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.ledger.gate.change_ends import Longer
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.plan import Plan
from cct_ops.models.run import EXTEND, Severity

_UNSET = "PREFECT_API_URL is not set here"
SOMEBODY = "somebody in Prefect"


class Granted(Frozen):
    """What came of it: the change as it lasts now, or the run that asks for a yes first."""

    change: TemporaryChange
    asking_run_id: UUID | None = None
    later: str | None = None
    """Why its new revert is not scheduled yet; the controller's sweep finds it due all the same."""


def extend(engine: sa.Engine, policy: Policy, change_id: UUID, wanted: Longer) -> Granted:
    """
    Let a change last longer, or start the run that asks whoever has to say yes again.

    Raises ``NotPermitted`` where it cannot be extended.
    """
    change = changes.read(engine, change_id)
    longest = policy.temporary_changes.longest_minutes
    if change_ends.made_by_a_yes(engine, [change.run_id]):
        change_ends.check(engine, change_id, wanted.minutes, longest_minutes=longest)
        given = {
            "change_id": str(change_id),
            "minutes": round(wanted.minutes),
            "reason": wanted.reason,
        }
        if not PREFECT_API_URL.value():  # its client would start a server of its own
            raise BadConfiguration(f"Nobody was asked: {_UNSET}.")
        tags = [f"target:{change.target}", f"started-by:{wanted.person}"]
        run_id = deployments.start(EXTEND, given, key=f"extend {wanted.id}", tags=tags)
        return Granted(change=change, asking_run_id=run_id)
    with engine.begin() as tx:
        extended = change_ends.extend(tx, change_id, wanted, longest_minutes=longest)
    return Granted(change=extended, later=_scheduled(engine, extended))


def _scheduled(engine: sa.Engine, change: TemporaryChange) -> str | None:
    """Schedule the revert for the new end; returns why that has to wait, where it has."""
    if not PREFECT_API_URL.value():
        return _UNSET
    try:
        scheduled_reverts.schedule(engine, change)
    except OpsError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class Extending:
    """A run's way to extend a change."""

    executor: Executor
    policy: Policy
    notifier: Notifier
    suspension: Suspension

    def extend(
        self, change_id: UUID, minutes: float, reason: str
    ) -> TemporaryChange | ReversionDiagnosis:
        """Return the change as it lasts now, or how the run must end without that."""
        executor = self.executor
        engine, run = executor.engine, executor.run
        longest = self.policy.temporary_changes.longest_minutes
        change = changes.read(engine, change_id)
        person, plan = self.suspension.started_by() or SOMEBODY, None
        if (before := _yes(engine, change)) is not None:
            change_ends.check(engine, change_id, minutes, longest_minutes=longest)
            found = ReversionDiagnosis.longer(change, minutes, reason, Severity(before.severity))
            assert found.plan is not None  # noqa: S101 -- it is made with one
            plan = found.plan
            ending = self._ask(found, plan, before.persons)
            if ending is not None:
                return ending
            person = f"{person}, approved by {changes.approver(engine, run.id)}"
        wanted = change_ends.new_wish(minutes, reason, person, run.id)
        with engine.begin() as tx:
            extended = change_ends.extend(tx, change_id, wanted, longest_minutes=longest)
            if plan is not None:
                approvals.use(tx, run, plan)
        return extended

    def _ask(
        self, found: ReversionDiagnosis, plan: Plan, persons: int
    ) -> ReversionDiagnosis | None:
        """Ask as many as said yes to the change itself; None once they did again."""
        asking = Asking(self.executor, self.policy, self.notifier, self.suspension)
        answer = asking.ask(found, plan, plan.person or "", persons=persons)
        return None if answer is None else found.ended_by(*answer)


def _yes(engine: sa.Engine, change: TemporaryChange) -> Approval | None:
    """Return the approval that the change was made by, None where it took none."""
    asked = approvals.of_run(engine, change.run_id)
    return next((each for each in asked if each.state is ApprovalState.APPROVED), None)
