"""
Asking a person, by suspending the run with a form in the Prefect UI.

The form proves no identity: whoever can reach the UI can type any name. Approvals given this way
are recorded as unauthenticated, which is sound on a single machine only.
"""

from __future__ import annotations

from typing import Literal

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field, ValidationError

from cct_ops.errors import NotPermitted
from cct_ops.ledger import approvals, permits
from cct_ops.ledger.approvals import Approval, ApprovalState
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.outcome import Outcome
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from cct_ops.reports.render import approval_form
from tasks.connections import ledger, settings
from tasks.notify import tell_approval_needed

# An answer given in time may be read a little later: the worker has to pick the run up first.
READ_GRACE_SECONDS = 120.0
# Prefect's own timeout ends a run without a word; ours must always come first.
PREFECT_TIMEOUT_SECONDS = 7 * 24 * 3600


class ApprovalForm(RunInput):
    """What a person fills in when a suspended run is resumed."""

    decision: Literal["approve", "decline"] = Field(
        description="Approve lets exactly the plan above be carried out, once."
    )
    name: str = Field(min_length=2, max_length=100, description="Who decides this.")
    note: str = Field("", max_length=1000, description="Why; kept in the record.")


def ask(diagnosis: Diagnosis, plan: Plan, run: Run, why: str) -> tuple[Outcome, str] | None:
    """
    Return None once a person has approved this plan for this run, else how the run must end.

    Raises ``Pause``, which suspends the run, until there is an answer or the time is over; raises
    ``NotPermitted`` where a run cannot be suspended.
    """
    approval = approvals.refused(ledger(), run.id)
    if approval is None:
        approval, new = approvals.request(
            ledger(), plan, run, seconds=settings().approval_minutes * 60
        )
        if new:
            tell_approval_needed(diagnosis, plan, run, why)
        if approval.state is ApprovalState.PENDING:
            approval = _wait_for_answer(diagnosis, plan, approval, why)

    match approval.state:
        case ApprovalState.APPROVED if permits.issued(ledger(), run.id):
            return Outcome.VOID, "The approval was used already; start the playbook anew."
        case ApprovalState.APPROVED:
            return None
        case ApprovalState.DECLINED:
            return Outcome.DECLINED, f"Declined by {approval.approver}: {approval.note or '-'}"
        case ApprovalState.EXPIRED:
            return Outcome.EXPIRED, f"Nobody approved it by {approval.expires_at:%H:%M:%S} UTC."
        case _:
            return Outcome.VOID, f"The request for approval is void: {approval.note}"


def _wait_for_answer(diagnosis: Diagnosis, plan: Plan, approval: Approval, why: str) -> Approval:
    form = ApprovalForm.with_initial_data(
        description=approval_form(diagnosis, plan, why, approval.expires_at)
    )
    try:
        # The key is the plan: a resumed run that plans anything else is asked again.
        given = suspend_flow_run(
            wait_for_input=form, key=plan.digest, timeout=PREFECT_TIMEOUT_SECONDS
        )
    except ValidationError:
        return approvals.answer(
            ledger(),
            approval.id,
            approved=False,
            approver="nobody",
            note="The run was resumed without an answer.",
            grace_seconds=READ_GRACE_SECONDS,
        )
    except RuntimeError as error:
        raise NotPermitted(
            "Approve mode needs a run that can be suspended: start the playbook from its"
            f" deployment ({error})."
        ) from error
    return approvals.answer(
        ledger(),
        approval.id,
        approved=given.decision == "approve",
        approver=given.name,
        note=given.note,
        grace_seconds=READ_GRACE_SECONDS,
    )
