"""
Asking persons, by suspending the run until the ledger has their answer.

Answers come through the gateway: by a link that each approver was sent, or by Slack's buttons. A
sweep then resumes the run, which reads the ledger and nothing else. Prefect's form proves no
identity: it counts only where policy accepts it, and is recorded as unauthenticated.
"""

from __future__ import annotations

from dataclasses import dataclass

from cct_ops import tracing
from cct_ops.config import yaml_files
from cct_ops.config.approvers import Approvers
from cct_ops.config.policy import Policy
from cct_ops.errors import NotPermitted
from cct_ops.gate.apply_and_confirm import Executor
from cct_ops.gate.collaborators import Notifier, Suspension
from cct_ops.ledger.gate import approval_answers, approvals, approver_ways
from cct_ops.ledger.gate.approvals import Approval, ApprovalRequirement, ApprovalState
from cct_ops.ledger.intake import replay
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.plan import Plan
from cct_ops.models.run import Outcome


@dataclass(frozen=True)
class Asking:
    """The request of one run for approval, with the ways to notify people and to wait for them."""

    executor: Executor
    policy: Policy
    notifier: Notifier
    suspension: Suspension

    def ask(
        self, diagnosis: Diagnosis, plan: Plan, why: str, *, persons: int = 1
    ) -> tuple[Outcome, str] | None:
        """
        Return None once persons have approved this plan for this run, else how the run must end.

        So many at least, and two where policy says so.

        It ends this process of the run by whatever suspends it, until there is an answer or the
        time is over; raises ``NotPermitted`` where a run cannot be suspended.
        """
        engine, run = self.executor.engine, self.executor.run
        approval = approvals.refused(engine, run.id)
        if approval is None:
            path = self.executor.settings.approvers_path
            approvers = yaml_files.load(path, Approvers)
            requirement = self._requirement(diagnosis, plan, why, persons)
            others = len(approvers.others_than(requirement.started_by))
            if requirement.persons > others:
                return Outcome.BLOCKED, (
                    f"{requirement.why}; {path} names too few besides the one who started the run."
                )
            unreached = self._unreached(approvers, requirement)
            if unreached and requirement.persons > others - len(unreached):
                too_few = "; ".join(unreached)
                return Outcome.BLOCKED, f"{requirement.why}; too few can be asked: {too_few}."
            if unreached:
                requirement = requirement.model_copy(
                    update={
                        "why": f"{requirement.why.rstrip('.')}. Not asked: {'; '.join(unreached)}."
                    }
                )
            approval, new = approvals.request(engine, diagnosis, plan, run, requirement)
            if new:
                self.notifier.notify_approval_needed(approval, run)
            if approval.state is ApprovalState.PENDING:
                until = f"It waits until {approval.expires_at:%H:%M:%S} UTC."
                self.executor.story.decided("to ask", f"{why} {until}")
                approval = self._wait_for_answer(approval)
        if approval.decided_at is not None:
            told = {"cct_ops.state": approval.state.value}
            tracing.record_span("approval wait", approval.requested_at, approval.decided_at, told)
        return _ending(approval)

    def _requirement(
        self, diagnosis: Diagnosis, plan: Plan, why: str, least: int
    ) -> ApprovalRequirement:
        rules, engine, run = self.policy.approvals, self.executor.engine, self.executor.run
        second = rules.second_person.reason(plan, diagnosis.severity)
        persons = max(least, 1 if second is None else 2)
        return ApprovalRequirement(
            why=why if second is None else f"{why.rstrip('.')}; {second}",
            seconds=self.executor.settings.approval_minutes * 60,
            persons=persons,
            form_accepted=rules.accept_form and persons == 1,
            started_by=self.suspension.started_by() or replay.repeated_by(engine, run.incident_id),
        )

    def _unreached(self, approvers: Approvers, requirement: ApprovalRequirement) -> list[str]:
        """Say whom no request reaches and why, where their answers are wanted."""
        if requirement.form_accepted:
            return []
        others = approvers.others_than(requirement.started_by)
        found = approver_ways.find_unreached(self.executor.engine, others)
        return [f"{person.name} ({missing})" for person, missing in found.items()]

    def _wait_for_answer(self, approval: Approval) -> Approval:
        """Suspend; one that nobody answered ends here, because the run goes on."""
        engine = self.executor.engine
        said = self.suspension.suspend(approval)
        if said is not None:
            grace = approval_answers.READ_GRACE_SECONDS
            approval_answers.answer(engine, approval.id, said, grace_seconds=grace)
        found = approvals.find(engine, approval.id)
        if found is not None and found.state is ApprovalState.PENDING:
            if not approvals.expire(engine, approval.id):
                reason = "The run was resumed in Prefect without an approval."
                approval_answers.record_attempt(engine, "resume", reason, approval_id=approval.id)
                approvals.void(engine, approval.run_id, reason)
            found = approvals.find(engine, approval.id)
        if found is None:
            raise NotPermitted("Nothing was done: the request for approval is not in the ledger.")
        return found


def _ending(approval: Approval) -> tuple[Outcome, str] | None:
    match approval.state:
        case ApprovalState.APPROVED if approval.used_at is not None:
            return Outcome.VOID, "The approval was used already; start the playbook anew."
        case ApprovalState.APPROVED:
            return None
        case ApprovalState.DECLINED:
            return Outcome.DECLINED, f"Declined by {approval.approver}: {approval.note or '-'}"
        case ApprovalState.EXPIRED:
            return Outcome.EXPIRED, f"Nobody approved it by {approval.expires_at:%H:%M:%S} UTC."
        case _:
            return Outcome.VOID, f"The request for approval is void: {approval.note}"
