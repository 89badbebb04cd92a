"""
What becomes of runs that wait for approval.

Nothing of a flow runs while it is suspended, and Prefect tells nobody when such a run is cancelled
or ends. So this sweep looks: a request that was answered, that ran out of time, or whose incident
is over has its run resumed, which reads in the ledger how it must end; a run that ended by itself
gets its closing row here, and people are told.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from cct_ops.clients import slack
from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import approval_escalations, approvals, nudges, record
from cct_ops.ledger.approvals import Approval, ApprovalState
from cct_ops.models.approver import Approvers
from cct_ops.models.outcome import Outcome
from cct_ops.models.run import Run
from cct_ops.reports.asking import unanswered_message
from cct_ops.reports.messages import Message, outcome_message

_log = logging.getLogger(__name__)

# An answer in Prefect's form may have been given in time and be on its way to be read.
READ_GRACE_SECONDS = 120.0
_PAGE = 200

# The forms' required fields, so that Prefect lets the run go on; the flow reads the ledger instead.
_FORM = {"decision": "decline", "name": "nobody", "note": "The run reads the ledger."}
_PLAN_FORM = {"end_the_run": "yes"}


@dataclass(frozen=True)
class People:
    """Who is told when nobody answered, and where."""

    approvers: Approvers
    slack_webhook_url: SecretStr | None


def sweep(engine: sa.Engine, people: People | None = None) -> int:
    """Move on every run that need not wait any longer; returns how many that were."""
    approvals.void_resolved(engine)
    waiting = approvals.unsettled(engine)
    moved = 0
    if waiting:
        with get_client(sync_client=True) as client:
            runs = _read(client, [approval.run_id for approval, _ in waiting])
            for approval, seconds_left in waiting:
                run = runs.get(approval.run_id)
                moved += _move_on(engine, client, approval, run, seconds_left, people)
    if people is not None:
        _escalate(engine, people)
    return moved


def _read(client: SyncPrefectClient, ids: list[UUID]) -> Mapping[UUID, FlowRun]:
    found: dict[UUID, FlowRun] = {}
    for start in range(0, len(ids), _PAGE):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + _PAGE]))
        found |= {run.id: run for run in client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE)}
    return found


def _move_on(
    engine: sa.Engine,
    client: SyncPrefectClient,
    approval: Approval,
    run: FlowRun | None,
    seconds_left: float,
    people: People | None,
) -> bool:
    state = run.state if run else None
    ended = run is None or (state is not None and state.is_final())
    paused = state is not None and state.is_paused()

    if seconds_left <= 0 and (ended or paused or seconds_left <= -READ_GRACE_SECONDS):
        approvals.expire(engine, approval.id)
        if approval.state is ApprovalState.PENDING:
            _log.info("approval %s of run %s expired", approval.id, approval.run_id)
    if ended:
        _close(engine, approval, run, people)
        return True
    if not paused or (approval.state is ApprovalState.PENDING and seconds_left > 0):
        return False  # it waits, or it is on its way to read its answer
    given = _FORM if approval.form_accepted else _PLAN_FORM
    try:
        answer = client.resume_flow_run(approval.run_id, run_input=given)
    except ObjectNotFound:
        return False  # deleted a moment ago: the next sweep closes it
    if answer.status is not SetStateStatus.ACCEPT:
        _log.warning("run %s could not be resumed: %s", approval.run_id, answer.details)
        return False
    with engine.begin() as tx:
        nudges.nudge(tx, approval.run_id)
    return True  # settled by the run itself, or here if it ends before it has read its answer


def _close(
    engine: sa.Engine, approval: Approval, found: FlowRun | None, people: People | None
) -> None:
    """Report a run that was cancelled, failed or deleted while it was suspended."""
    state = found.state_name if found and found.state_name else "deleted"
    known = record.of_run(engine, approval.run_id)
    approvals.void(engine, approval.run_id, f"The run was {state.lower()} while it waited.")
    if known.outcome is not None:
        return  # it reported itself
    run = Run(
        id=approval.run_id,
        name=found.name if found else str(approval.run_id),
        playbook=approval.playbook,
        incident_id=approval.incident_id,
    )
    reason = f"The run was {state.lower()} while it waited for approval; nothing was changed."
    outcome = Outcome.EXPIRED if approval.state is ApprovalState.EXPIRED else Outcome.VOID
    record.conclude(engine, run, approval.target, outcome, reason)
    _log.warning("run %s: %s", approval.run_id, reason)
    if people is None:
        return
    try:
        _tell(people, outcome_message(run, approval.target, outcome, reason, None))
    except OpsError as error:
        _log.warning("people were not told about run %s: %s", approval.run_id, error)


def _escalate(engine: sa.Engine, people: People) -> None:
    """Tell the next contact about requests that nobody answered; what cannot be sent is kept."""
    while True:
        try:
            with approval_escalations.unanswered(engine) as found:
                if found is None:
                    return
                approval, in_a_row = found
                contact = people.approvers.next_contact(in_a_row)
                command = _command(approval)
                _log.warning("nobody approved; next is %s: %s", contact.id, command)
                try:
                    _tell(people, unanswered_message(approval, contact, command))
                except Unavailable:
                    raise
                except OpsError as error:
                    _log.error("approval %s: the next contact was not told: %s", approval.id, error)
        except Unavailable as error:
            _log.warning("the next contact is told later: %s", error)
            return


def _command(approval: Approval) -> str:
    """Return the command that starts the same playbook anew, exactly as it has to be typed."""
    parameters = {"target": approval.target, "mode": "approve"}
    try:
        with get_client(sync_client=True) as client:
            parameters = client.read_flow_run(approval.run_id).parameters | parameters
    except ObjectNotFound:
        _log.info("run %s is gone; its other parameters are not known", approval.run_id)
    words = ["prefect", "deployment", "run", f"{approval.playbook}/{approval.playbook}"]
    for name, value in sorted(parameters.items()):
        if value is not None:
            plain = value if isinstance(value, str) else json.dumps(value)
            words += ["-p", f"{name}={plain}"]
    return shlex.join(words)


def _tell(people: People, message: Message) -> None:
    if people.slack_webhook_url is not None:
        slack.post(people.slack_webhook_url, *message)
