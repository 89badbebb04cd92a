"""Messages to people. A message that cannot be sent never changes how a run ends."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from cct_ops.clients import slack
from cct_ops.ledger.approvals import Approval
from cct_ops.models.autonomy import Drop
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.outcome import Outcome
from cct_ops.models.run import Run
from cct_ops.reports.asking import approval_message
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import drop_message, expired_message, outcome_message, raise_message
from tasks.connections import settings


@task(retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE, persist_result=False)
def post_to_slack(text: str, blocks: list[dict[str, Any]]) -> None:
    """Post one message to the configured Slack webhook."""
    url = settings().slack_webhook_url
    if url is not None:
        slack.post(url, text, blocks)


def tell_approval_needed(approval: Approval, run: Run) -> None:
    """Tell people that a plan waits for their yes, with the buttons to give it."""
    _tell(approval_message(approval, run_link(run.id)))


def tell_outcome(run: Run, target: str, outcome: Outcome, reason: str) -> None:
    """Tell people how a run ended."""
    _tell(outcome_message(run, target, outcome, reason, run_link(run.id)))


def tell_expired(run: Run, overdue: tuple[Exemption, ...], *, done: bool) -> None:
    """Tell people whose exemptions expired, or would have."""
    _tell(expired_message(overdue, run_link(run.id), done=done))


def tell_raise_proposed(run: Run, target: str, reason: str, proposal: str) -> None:
    """Tell people that a playbook's record speaks for letting it do more."""
    _tell(raise_message(run, target, reason, proposal, run_link(run.id)))


def tell_drop(run: Run, drop: Drop) -> None:
    """Tell people that a playbook may do less from now on."""
    _tell(drop_message(run, drop, run_link(run.id)))


def _tell(message: tuple[str, list[dict[str, Any]]]) -> None:
    if settings().slack_webhook_url is None:
        return
    # The failed task stays in the run's history; the run itself goes on.
    post_to_slack(*message, return_state=True)
