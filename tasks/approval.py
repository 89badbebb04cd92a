"""The suspension of a run in Prefect until persons have answered, and the form that it shows."""

from __future__ import annotations

import logging
from typing import Literal

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field, ValidationError

from cct_ops.errors import NotPermitted, Unavailable
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.reports.render import approval_form

_log = logging.getLogger(__name__)

# Prefect's own timeout ends a run without a word; ours must always come first.
PREFECT_TIMEOUT_SECONDS = 7 * 24 * 3600
STARTED_BY = "started-by:"


class ApprovalForm(RunInput):
    """The form that a person fills in to resume a suspended run, where the form counts."""

    decision: Literal["approve", "decline"] = Field(
        description="Approve lets exactly the plan above be carried out, once."
    )
    name: str = Field(min_length=2, max_length=100, description="Who decides this.")
    note: str = Field("", max_length=1000, description="Why; kept in the record.")


class PlanForm(RunInput):
    """The form that is shown where it does not count."""

    end_the_run: Literal["yes"] = Field(
        description="Approval is not given here. To resume without one ends the run unchanged."
    )


def started_by() -> str | None:
    """Return who started this run: a tag says so, or Prefect where it knows its users."""
    for tag in flow_run.tags:
        if tag.startswith(STARTED_BY):
            return str(tag.removeprefix(STARTED_BY))
    context = FlowRunContext.get()
    creator = context.flow_run.created_by if context and context.flow_run else None
    return creator.display_value if creator and creator.type == "USER" else None


def suspend(approval: Approval) -> Answer | None:
    """
    Suspend the run until it is resumed; return what was said in a form, where one counts.

    Raises ``Pause``, which ends this process of the run, ``NotPermitted`` where a run cannot be
    suspended, and ``Unavailable`` where Prefect's server does not answer.
    """
    form = ApprovalForm if approval.form_accepted else PlanForm
    context = FlowRunContext.get()
    begun = context.flow_run if context else None
    given: RunInput | None = None
    try:
        # The key is the plan: a resumed run that plans anything else is asked again.
        given = suspend_flow_run(
            wait_for_input=form.with_initial_data(description=approval_form(approval)),
            key=approval.plan_digest,
            timeout=PREFECT_TIMEOUT_SECONDS,
        )
    except ValidationError:
        _log.info("Run %s went on without its form.", approval.run_id)
    except httpx.HTTPError as error:
        _end_if_suspended(begun, approval)
        raise Unavailable(f"Prefect did not suspend the run: {type(error).__name__}.") from error
    except RuntimeError as error:
        _end_if_suspended(begun, approval)
        raise NotPermitted(
            "Approve mode needs a run that can be suspended: start the playbook from its"
            f" deployment ({error})."
        ) from error
    _end_if_suspended(begun, approval)
    if not isinstance(given, ApprovalForm):
        return None
    return Answer(
        approver_id=f"form:{given.name}",
        approver=given.name,
        way="form",
        approved=given.decision == "approve",
        note=given.note,
    )


def _was_suspended(run: FlowRun | None, approval: Approval) -> bool:
    """Say whether Prefect has suspended the run for this plan before."""
    return run is not None and approval.plan_digest in (run.empirical_policy.pause_keys or ())


def _end_if_suspended(begun: FlowRun | None, approval: Approval) -> None:
    """
    End this process of a run that was suspended since it began, though Prefect's answer differs.

    It suspends the run first and saves the form then: where it takes no form, or was killed in
    between, the run waits for its answer all the same. The controller reads that in the ledger and
    lets the run go on without a form; in another process, maybe before this one has ended.
    """
    if _was_suspended(begun, approval):
        return  # this is the process that goes on with it
    try:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(approval.run_id)
    except httpx.HTTPError:
        return  # who asks says what they lack
    if _was_suspended(run, approval):
        raise Pause(state=run.state)
