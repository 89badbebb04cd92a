"""
Settles runs that wait for approval.

Nothing of a flow runs while it is suspended, and Prefect reports nothing when such a run is
cancelled or ends. So this sweep looks: a request that was answered, that ran out of time, or whose
incident is over has its run resumed, which reads in the ledger how it must end; a run that ended by
itself gets its closing row here, and people are notified.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Scheduled

from cct_ops.clients import deployments
from cct_ops.clients.server import CONFIGURED, Server, find_run
from cct_ops.config.approvers import Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import clock, run_notifications
from cct_ops.ledger.gate import approval_answers, approvals, owed_accounts
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.ledger.people import on_call, owed_ends, pages
from cct_ops.ledger.record import account
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import NOT_RECORDED, Outcome, Run, Severity
from cct_ops.models.topic import UNANSWERED, Topic, is_urgent
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual
from cct_ops.reports.asking import topic_of, unanswered_message
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import outcome_message
from cct_ops.reports.pages import unanswered_page

_log = logging.getLogger(__name__)

# A process that lives has saved its form by then.
FORM_GRACE = timedelta(seconds=30)
# One that ended what it asked for has given its account by then.
ACCOUNT_GRACE_SECONDS = 60.0
_PAGE = 200

# The forms' required fields, so that Prefect lets the run go on; the flow reads the ledger instead.
_FORM = {"decision": "decline", "name": "nobody", "note": "The run reads the ledger."}
_PLAN_FORM = {"end_the_run": "yes"}


@dataclass(frozen=True)
class People:
    """The people to notify when nobody answered, and the ways to reach them."""

    approvers: Approvers
    contacts: Contacts
    notifier: Notifier


def sweep(engine: sa.Engine, people: People | None = None, *, server: Server = CONFIGURED) -> int:
    """Move on every run that need not wait any longer; returns how many that were."""
    approvals.void_resolved(engine)
    waiting = approvals.waiting(engine)
    requests = border(engine, "requests for approval")
    moved = 0 if waiting else requests.nothing_left()
    if waiting:
        with server.connect() as client:
            runs = _read(client, [each.run_id for each in waiting])

            def move_on(each: approvals.Waiting) -> None:
                nonlocal moved
                found = approvals.find(engine, each.id)
                if found is not None:
                    run, left = runs.get(each.run_id), each.seconds_left
                    moved += _move_on(engine, (client, server), found, run, left, people)

            requests.each(waiting, lambda each: each.id, move_on)
    moved += _let_go(engine, server)
    if people is not None:
        unanswered = border(engine, "approvals that nobody gave")
        escalate = partial(_escalate, engine, people)
        unanswered.each(approval_answers.unnotified(engine), str, escalate)
    return moved


def _read(client: SyncPrefectClient, ids: list[UUID]) -> Mapping[UUID, FlowRun]:
    found: dict[UUID, FlowRun] = {}
    for start in range(0, len(ids), _PAGE):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + _PAGE]))
        found |= {run.id: run for run in client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE)}
    return found


def _move_on(
    engine: sa.Engine,
    prefect: tuple[SyncPrefectClient, Server],
    approval: Approval,
    run: FlowRun | None,
    seconds_left: float,
    people: People | None,
) -> bool:
    client, _ = prefect
    state = run.state if run else None
    ended = run is None or (state is not None and state.is_final())
    suspended = state if state is not None and state.is_paused() else None

    # An answer in Prefect's form may have been given in time and be on its way to be read.
    late = seconds_left <= -approval_answers.READ_GRACE_SECONDS
    if seconds_left <= 0 and (ended or suspended or late):
        approvals.expire(engine, approval.id)
        if approval.state is ApprovalState.PENDING:
            _log.info("approval %s of run %s expired", approval.id, approval.run_id)
    if ended:
        _close(engine, approval, run, people)
        return True
    if suspended is None or (approval.state is ApprovalState.PENDING and seconds_left > 0):
        return False  # it waits, or it is on its way to read its answer
    given = _FORM if approval.form_accepted else _PLAN_FORM
    try:
        answer = client.resume_flow_run(approval.run_id, run_input=given)
        accepted = answer.status is SetStateStatus.ACCEPT
        if not accepted and not _scheduled_anew(prefect, approval, suspended, answer):
            return False
    except ObjectNotFound:
        return False  # deleted a moment ago: the next sweep closes it
    except PrefectHTTPStatusError as error:
        if error.response.status_code != HTTPStatus.CONFLICT:
            raise
        return False  # another controller has resumed it at this very moment
    run_notifications.notify_workers(engine, approval.run_id)
    return True  # settled by the run itself, or here if it ends before it has read its answer


def _let_go(engine: sa.Engine, server: Server) -> int:
    """Let runs go on that are suspended and ask for nothing any more; returns how many were."""
    left = owed_accounts.left_suspended(engine, ACCOUNT_GRACE_SECONDS)
    asking_nothing = border(engine, "suspended runs that ask for nothing")
    if not left:
        return asking_nothing.nothing_left()
    with server.connect() as client:
        runs = _read(client, left).values()
        suspended = [run for run in runs if run.state is not None and run.state.is_paused()]

        def go_on(run: FlowRun) -> None:
            _log.warning("run %s asks for nothing any more and is made to go on", run.id)
            if not _schedule(client, run.id):
                raise Unavailable(f"Prefect did not let run {run.name} go on.")
            run_notifications.notify_workers(engine, run.id)

        return asking_nothing.each(suspended, lambda run: run.id, go_on)


def _schedule(client: SyncPrefectClient, run_id: UUID) -> bool:
    """
    Let a suspended run go on as Prefect's resume does, without a form; whether it does.

    One that another controller has let go on meanwhile is left to that.
    """
    run = find_run(client, run_id)
    if run is None or run.state is None or not run.state.is_paused():
        return True
    resuming: State[object] = Scheduled(name="Resuming")
    return client.set_flow_run_state(run_id, resuming).status is SetStateStatus.ACCEPT


def _scheduled_anew(
    prefect: tuple[SyncPrefectClient, Server],
    approval: Approval,
    suspended: State[object],
    refusal: OrchestrationResult[object],
) -> bool:
    """
    Let a run go on whose form is not there; whether it does.

    Prefect saves the form once the run is suspended, and without it refuses to resume for ever. A
    process that died in between leaves such a run. It can be scheduled nevertheless, and the ledger
    has the answer, not the form.
    """
    client, server = prefect
    age = server.now(client) - suspended.timestamp
    if refusal.status is not SetStateStatus.REJECT or age < FORM_GRACE:
        _log.warning("run %s could not be resumed: %s", approval.run_id, refusal.details)
        return False
    _log.warning("run %s is made to go on: %s", approval.run_id, refusal.details)
    return _schedule(client, approval.run_id)


def _close(
    engine: sa.Engine, approval: Approval, found: FlowRun | None, people: People | None
) -> None:
    """Report a run that was cancelled, failed or deleted while it was suspended."""
    state = found.state_name if found and found.state_name else "deleted"
    known = account.of_run(engine, approval.run_id)
    approvals.void(engine, approval.run_id, f"The run was {state.lower()} while it waited.")
    if known.outcome is not None or state == NOT_RECORDED:
        return  # it reported itself, or another run asks in its place
    run = Run(
        id=approval.run_id,
        name=found.name if found else str(approval.run_id),
        playbook=approval.playbook,
        incident_id=approval.incident_id,
    )
    reason = f"The run was {state.lower()} while it waited for approval"
    reason += "." if known.actions else "; nothing was changed."
    outcome = Outcome.EXPIRED if approval.state is ApprovalState.EXPIRED else Outcome.VOID
    if found and found.state and found.state.is_cancelled():
        outcome = Outcome.CANCELLED
    account.record_outcome(engine, run, approval.target, outcome, reason)
    _log.warning("run %s: %s", approval.run_id, reason)
    if people is None:
        return
    commands = manual.after(
        outcome, run, approval.target, known, found.parameters if found else None
    )
    topic = Topic.of(run, approval.target, outcome, Severity(approval.severity))
    try:
        people.notifier.send(
            outcome_message(run, approval.target, outcome, reason, run_link(run.id), commands),
            topic.model_copy(update={"needs_person": outcome.needs_attention}),
            urgent=is_urgent(outcome, topic.severity),
        )
        owed_ends.forget(engine, run.id)
    except OpsError as error:  # controller/untold.py says it later
        _log.warning("people were not notified about run %s: %s", approval.run_id, error)


def _escalate(engine: sa.Engine, people: People, approval_id: UUID) -> None:
    """Notify the next contact of a request that nobody answered; what cannot be sent is kept."""
    with approval_answers.unanswered(engine, approval_id) as found:
        if found is None:
            return
        approval, in_a_row = found
        escalation_step = in_a_row  # the first in line was there to answer
        tried = on_call.line(engine, people.contacts, clock.read(engine))
        contact = on_call.after(tried, escalation_step)[0].contact
        approver = people.approvers.by_id(contact.id)
        command = _command(approval)
        _log.warning("nobody approved; next is %s: %s", contact.id, command)
        subject, body = unanswered_page(approval, command)
        pages.ask(
            engine,
            f"approval {approval.id}",
            subject=subject,
            body=body,
            topic_id=approval.incident_id or approval.run_id,
            escalation_step=escalation_step,
        )
        try:
            people.notifier.send(
                unanswered_message(approval, contact.id, approver, command),
                topic_of(approval, UNANSWERED, needs_person=True),
            )
        except Unavailable:
            raise
        except OpsError as error:
            _log.error("approval %s: the next contact was not notified: %s", approval.id, error)


def _command(approval: Approval) -> str:
    """Return the command that starts the same playbook anew, exactly as it has to be typed."""
    with get_client(sync_client=True) as client:
        run = find_run(client, approval.run_id)
        if run is None:
            _log.info("run %s is gone; its other parameters are not known", approval.run_id)
        parameters = _as_far_as_known(client, approval) if run is None else run.parameters
    asking = parameters | {"mode": "approve"}
    return manual.start_again(approval.playbook, asking, approval.incident_id)


def _as_far_as_known(client: SyncPrefectClient, approval: Approval) -> dict[str, object]:
    """Return the parameters that the request shows: not every playbook takes its target."""
    schema = deployments.schemas(client).get(approval.playbook, {})
    return {"target": approval.target} if "target" in schema.get("properties", {}) else {}
