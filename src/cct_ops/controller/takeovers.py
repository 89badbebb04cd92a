"""
Sees takeovers through: people hear of each, and a run that has no process for it is ended here.

A run at work ends by itself, by what the ledger says. One that has not begun, or is suspended until
somebody says yes, does nothing that could hear of it.
"""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Cancelled

from cct_ops.clients.server import CONFIGURED, Server, find_run
from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger.gate import approvals, run_progress, takeovers
from cct_ops.ledger.gate.takeovers import Unsettled
from cct_ops.ledger.people import owed_ends
from cct_ops.ledger.record import account
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import Outcome, Run
from cct_ops.models.takeover import Phase, Takeover
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import outcome_message
from cct_ops.reports.takeovers import takeover_message

_IDLE = {Phase.NOT_BEGUN, Phase.ASKING}
TAKEN_OVER = "Taken over"

_log = logging.getLogger(__name__)


def sweep(engine: sa.Engine, notifier: Notifier, *, server: Server = CONFIGURED) -> int:
    """Do what is due about each takeover; returns how many were not over yet."""
    found = takeovers.unsettled(engine)
    notify = partial(_notify, engine, notifier)
    fresh = [each for each in found if each.notified_at is None]
    border(engine, "notices of takeovers").each(fresh, lambda each: str(each.id), notify)
    see_through = partial(_see_through, engine, notifier, server)
    border(engine, "takeovers").each(found, lambda each: str(each.id), see_through)
    return len(found)


def _notify(engine: sa.Engine, notifier: Notifier, found: Unsettled) -> None:
    """Notify people of it, once; a message that Slack refuses is not sent again."""
    taken = takeovers.by_id(engine, found.id)
    topic = Topic.of(_run(taken, None), taken.target, TAKEN_OVER)
    try:
        notifier.send(takeover_message(taken, run_link(taken.run_id)), topic)
    except Unavailable:
        raise
    except OpsError as error:
        _log.warning("people were not notified of the takeover of %s: %s", taken.run_id, error)
    takeovers.mark_notified(engine, found.id)


def _see_through(engine: sa.Engine, notifier: Notifier, server: Server, found: Unsettled) -> None:
    taken = takeovers.by_id(engine, found.id)
    with engine.connect() as connection:
        known = run_progress.read(connection, taken.run_id)
    if known is not None and known.phase is Phase.ENDED:
        takeovers.settle(engine, found.id)
        return
    if not taken.choice.stops or not (known is None or known.phase in _IDLE):
        return  # it hears of it by itself, or its recovery does
    with server.connect() as client:
        run = find_run(client, taken.run_id)
        if not _is_over(client, run, taken):
            return
    reason = f"{taken.words} Nothing had been changed."
    takeovers.mark_stopped(engine, taken.run_id)
    approvals.void(engine, taken.run_id, taken.words)
    ended = _run(taken, run)
    account.record_outcome(engine, ended, taken.target, Outcome.CANCELLED, reason)
    takeovers.settle(engine, found.id)
    topic = Topic.of(ended, taken.target, Outcome.CANCELLED)
    message = outcome_message(ended, taken.target, Outcome.CANCELLED, reason, run_link(ended.id))
    try:
        notifier.send(message, topic)
        owed_ends.forget(engine, ended.id)
    except OpsError as error:  # controller/untold.py says it later to who was asked
        _log.warning("people were not notified about run %s: %s", ended.id, error)


def account_for_dead(engine: sa.Engine, taken: Takeover) -> None:
    """Write the account of a run that died before it had changed anything; nothing replaces it."""
    reason = f"{taken.words} Its process died before it had changed anything."
    takeovers.mark_stopped(engine, taken.run_id)
    account.record_outcome(engine, _run(taken, None), taken.target, Outcome.CANCELLED, reason)


def _is_over(client: SyncPrefectClient, run: FlowRun | None, taken: Takeover) -> bool:
    """Have Prefect cancel what waits; False where a process is about to begin, which then hears."""
    state = run.state if run is not None else None
    if run is None or state is None or state.is_final():
        return True
    if not (state.is_scheduled() or state.is_paused()):
        return False
    cancelled: State[object] = Cancelled(message=taken.words)
    answer = client.set_flow_run_state(run.id, cancelled)
    return answer.status is SetStateStatus.ACCEPT


def _run(taken: Takeover, run: FlowRun | None) -> Run:
    name = run.name if run is not None else str(taken.run_id)
    run_id: UUID = taken.run_id
    return Run(id=run_id, name=name, playbook=taken.playbook, incident_id=taken.incident_id)
