"""Messages to people. A message that cannot be sent never changes how a run ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE

from cct_ops import interrupts
from cct_ops.errors import Unavailable
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.people import silences, slack_threads
from cct_ops.models.autonomy import Demotion
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.run import Outcome, Run, Severity
from cct_ops.models.topic import OPEN, WAITS, Topic, is_urgent
from cct_ops.people.notifier import Notifier, ask_for_page
from cct_ops.reports.asking import approval_message, topic_of
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import (
    Message,
    demotion_message,
    expired_message,
    outcome_message,
    raise_message,
)
from tasks.connections import ledger, settings

LONGEST_PAUSE_SECONDS = 30.0
NO_ANSWER = "a system that runs need gave no answer"


@task(retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE, persist_result=False)
def post_to_slack(
    text: str,
    blocks: list[dict[str, Any]],
    topic: Topic,
    *,
    urgent: bool = False,
    request_id: UUID | None = None,
) -> None:
    """Notify people; ``request_id`` is the request for approval whose buttons the message has."""
    try:
        place = Notifier.of(ledger(), settings()).send((text, blocks), topic, urgent=urgent)
    except Unavailable as error:  # tried again once Slack wants to be asked
        interrupts.sleep(min(error.retry_after_seconds or 0, LONGEST_PAUSE_SECONDS))
        raise
    if request_id is not None and place is not None:
        slack_threads.record_request(ledger(), request_id, place)


def notify_approval_needed(approval: Approval, run: Run) -> None:
    """Notify people that a plan waits for their yes, with the buttons to give it."""
    _notify(
        approval_message(approval, run_link(run.id)),
        topic_of(approval, WAITS, needs_person=True),
        urgent=approval.severity == Severity.P0,
        request_id=approval.id,
    )


def notify_outcome(  # noqa: PLR0913 -- each of them is a fact about the end
    run: Run,
    target: str,
    reason: str,
    topic: Topic,
    commands: Sequence[str],
    *,
    changed: bool = True,
    silence: bool = False,
    attended: bool = False,
) -> bool:
    """
    Notify people how a run ended, and what they type where something is left to be done.

    False where Slack did not take it: then it is still to be said.
    Its outcome is the state of the topic. One that is ``attended`` was taken over by a person, so
    nobody is paged, unless it failed.
    ``silence`` says that another system gave no answer, to this run as to all others: where nothing
    was changed that pages once for them all. What people have silenced is not said, but for what
    was changed and ended badly.
    """
    outcome = Outcome(topic.state)
    message = outcome_message(run, target, outcome, reason, run_link(run.id), commands)
    urgent = is_urgent(outcome, topic.severity, changed=changed)
    urgent = urgent and not (attended and outcome is not Outcome.FAILED)
    together = silence and not changed
    if not (changed and urgent) and silences.about_incident(ledger(), run.incident_id) is not None:
        return True
    said = _notify(message, topic, urgent=urgent and not together)
    if urgent and together:
        ask_for_page(ledger(), message, topic, shared=NO_ANSWER)
    return said


def notify_expired(run: Run, target: str, overdue: tuple[Exemption, ...], *, done: bool) -> None:
    """Notify people whose exemptions expired, or would have."""
    message = expired_message(overdue, run_link(run.id), done=done)
    _notify(message, Topic.of(run, target, OPEN))


def notify_raise_proposed(run: Run, target: str, reason: str, proposal: str) -> None:
    """Notify people that a playbook's record speaks for letting it do more."""
    message = raise_message(run, target, reason, proposal, run_link(run.id))
    _notify(message, Topic.of(run, target, Outcome.RESOLVED))


def notify_demotion(run: Run, demotion: Demotion, topic: Topic) -> None:
    """Notify people that a playbook may do less from now on."""
    _notify(demotion_message(run, demotion, run_link(run.id)), topic)


def _notify(
    message: Message, topic: Topic, *, urgent: bool = False, request_id: UUID | None = None
) -> bool:
    """Send it and return whether Slack took it, if there is a Slack."""
    if not Notifier.of(ledger(), settings()).reaches_somebody and not urgent:
        return True
    # The failed task stays in the run's history; the run itself goes on.
    sent = post_to_slack(*message, topic, urgent=urgent, request_id=request_id, return_state=True)
    return sent.is_completed()
