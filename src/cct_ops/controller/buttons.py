"""The sweep of buttons in Slack: those of what is over would be pressed in vain."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.approvals import ApprovalState
from cct_ops.ledger.people import p0_incidents, slack_threads
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import Severity
from cct_ops.models.topic import AT_WORK, OPEN, WAITS, Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports.asking import answered_message, approval_message, topic_of
from cct_ops.reports.links import run_link

_log = logging.getLogger(__name__)


def sweep(engine: sa.Engine, notifier: Notifier) -> int:
    """
    Take the buttons off every request that was answered, ran out or is void; say how many.

    One that waits for more persons says who has said yes, and the head of a thread who has its
    incident; a P0 incident has one as soon as somebody is paged about it.
    """
    half, show = slack_threads.half_answered(engine), partial(_show_half_answered, engine, notifier)
    border(engine, "requests in Slack").each(half, str, show)
    if notifier.bot is not None:
        new, begin = p0_incidents.unthreaded(engine), partial(_begin, engine, notifier)
        border(engine, "threads in Slack").each(new, str, begin)
        outdated = slack_threads.outdated(engine)
        border(engine, "heads in Slack").each(outdated, str, notifier.show_holder)
    take_off = partial(_take_off, engine, notifier)
    return border(engine, "buttons in Slack").each(slack_threads.answered(engine), str, take_off)


def _show_half_answered(engine: sa.Engine, notifier: Notifier, approval_id: UUID) -> None:
    with slack_threads.showing(engine, approval_id) as found:
        if found is not None:
            approval, place, yes = found
            notifier.change(place, *approval_message(approval, run_link(approval.run_id), yes))


def _begin(engine: sa.Engine, notifier: Notifier, incident_id: UUID) -> None:
    """Let a P0 incident have its thread while its page goes round: it has the button to answer."""
    incident = p0_incidents.read(engine, incident_id)
    notifier.open_thread(
        Topic(
            id=incident_id,
            title=f"{incident.labels.get('alertname', 'an alert')} from {incident.source}"[:200],
            state=OPEN,
            severity=Severity.P0,
            needs_person=True,
        )
    )


def _take_off(engine: sa.Engine, notifier: Notifier, approval_id: UUID) -> None:
    with slack_threads.closing(engine, approval_id) as found:
        if found is None:
            return
        approval, place = found
        notifier.change(place, *answered_message(approval))
        if approval.state is ApprovalState.APPROVED:
            notifier.show(topic_of(approval, AT_WORK), instead_of=WAITS)
        _log.info("the request for approval %s has no buttons any more", approval.id)
