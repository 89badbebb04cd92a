"""
Asking persons, by suspending the run until the ledger has their answer.

Answers come through the gateway: by a link that each approver was sent, or by Slack's buttons. The
dispatcher's sweep then resumes the run, which reads the ledger and nothing else. Prefect's form
proves no identity: it counts only where policy accepts it, and is recorded as unauthenticated.
"""

from __future__ import annotations

from typing import Literal

from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field, ValidationError

from cct_ops import config_file, policy
from cct_ops.errors import NotPermitted
from cct_ops.ledger import approval_answers, approvals, approver_ways
from cct_ops.ledger.approval_answers import Answer
from cct_ops.ledger.approvals import Approval, ApprovalState, Terms
from cct_ops.models.approver import Approvers
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.outcome import Outcome
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from cct_ops.reports.render import approval_form
from tasks import story
from tasks.connections import ledger, settings
from tasks.notify import tell_approval_needed

# An answer given in time may be read a little later: the worker has to pick the run up first.
READ_GRACE_SECONDS = 120.0
# Prefect's own timeout ends a run without a word; ours must always come first.
PREFECT_TIMEOUT_SECONDS = 7 * 24 * 3600
STARTED_BY = "started-by:"


class ApprovalForm(RunInput):
    """What a person fills in when a suspended run is resumed, where the form counts."""

    decision: Literal["approve", "decline"] = Field(
        description="Approve lets exactly the plan above be carried out, once."
    )
    name: str = Field(min_length=2, max_length=100, description="Who decides this.")
    note: str = Field("", max_length=1000, description="Why; kept in the record.")


class PlanForm(RunInput):
    """What is shown where the form does not count."""

    end_the_run: Literal["yes"] = Field(
        description="Approval is not given here. To resume without one ends the run unchanged."
    )


def ask(diagnosis: Diagnosis, plan: Plan, run: Run, why: str) -> tuple[Outcome, str] | None:
    """
    Return None once persons have approved this plan for this run, else how the run must end.

    Raises ``Pause``, which suspends the run, until there is an answer or the time is over; raises
    ``NotPermitted`` where a run cannot be suspended.
    """
    approval = approvals.refused(ledger(), run.id)
    if approval is None:
        approvers = config_file.load(settings().approvers_path, Approvers)
        terms = _terms(diagnosis, plan, why)
        if terms.persons > len(approvers.others_than(terms.started_by)):
            return Outcome.BLOCKED, (
                f"{terms.why}; {settings().approvers_path} names too few besides the one who"
                " started the run."
            )
        unreached = _unreached(approvers, terms)
        if unreached and terms.persons > len(approvers.others_than(terms.started_by)) - len(
            unreached
        ):
            return Outcome.BLOCKED, f"{terms.why}; too few can be asked: {'; '.join(unreached)}."
        if unreached:
            terms = terms.model_copy(
                update={"why": f"{terms.why.rstrip('.')}. Not asked: {'; '.join(unreached)}."}
            )
        approval, new = approvals.request(ledger(), diagnosis, plan, run, terms)
        if new:
            tell_approval_needed(approval, run)
        if approval.state is ApprovalState.PENDING:
            story.decided("to ask", f"{why} It waits until {approval.expires_at:%H:%M:%S} UTC.")
            approval = _wait_for_answer(approval)
    return _ending(approval)


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


def _terms(diagnosis: Diagnosis, plan: Plan, why: str) -> Terms:
    rules = policy.read(settings().policy_path).approvals
    second = rules.second_person.reason(plan, diagnosis.severity)
    return Terms(
        why=why if second is None else f"{why.rstrip('.')}; {second}",
        seconds=settings().approval_minutes * 60,
        persons=1 if second is None else 2,
        form_accepted=rules.accept_form and second is None,
        started_by=_started_by(),
    )


def _unreached(approvers: Approvers, terms: Terms) -> list[str]:
    """Say whom no request reaches and why, where their answers are wanted."""
    if terms.form_accepted:
        return []
    others = approvers.others_than(terms.started_by)
    found = approver_ways.find_unreached(ledger(), others)
    return [f"{person.name} ({missing})" for person, missing in found.items()]


def _started_by() -> str | None:
    """Return who started this run: a tag says so, or Prefect where it knows its users."""
    for tag in flow_run.tags:
        if tag.startswith(STARTED_BY):
            return str(tag.removeprefix(STARTED_BY))
    context = FlowRunContext.get()
    creator = context.flow_run.created_by if context and context.flow_run else None
    return creator.display_value if creator and creator.type == "USER" else None


def _wait_for_answer(approval: Approval) -> Approval:
    form = ApprovalForm if approval.form_accepted else PlanForm
    try:
        # The key is the plan: a resumed run that plans anything else is asked again.
        given = suspend_flow_run(
            wait_for_input=form.with_initial_data(description=approval_form(approval)),
            key=approval.plan_digest,
            timeout=PREFECT_TIMEOUT_SECONDS,
        )
    except ValidationError:
        given = None
    except RuntimeError as error:
        raise NotPermitted(
            "Approve mode needs a run that can be suspended: start the playbook from its"
            f" deployment ({error})."
        ) from error
    if isinstance(given, ApprovalForm):
        _record_form(approval, given)
    return _settled(approval)


def _record_form(approval: Approval, given: ApprovalForm) -> None:
    answer = Answer(
        approver_id=f"form:{given.name}",
        approver=given.name,
        way="form",
        approved=given.decision == "approve",
        note=given.note,
    )
    approval_answers.answer(ledger(), approval.id, answer, grace_seconds=READ_GRACE_SECONDS)


def _settled(approval: Approval) -> Approval:
    """Read how the request ended; one that nobody answered ends here, because the run goes on."""
    found = approvals.find(ledger(), approval.id)
    if found is not None and found.state is ApprovalState.PENDING:
        if not approvals.expire(ledger(), approval.id):
            reason = "The run was resumed in Prefect without an approval."
            approval_answers.attempted(ledger(), "resume", reason, approval_id=approval.id)
            approvals.void(ledger(), approval.run_id, reason)
        found = approvals.find(ledger(), approval.id)
    if found is None:
        raise NotPermitted("Nothing was done: the request for approval is not in the ledger.")
    return found
