"""Messages to people that are about no incident: a run that died, a change that is overdue."""

from __future__ import annotations

import logging

from pydantic import SecretStr

from cct_ops.clients import slack

_log = logging.getLogger(__name__)


def tell(slack_webhook_url: SecretStr | None, text: str) -> None:
    """Say it in the log and, where there is one, in Slack; raises when Slack does not take it."""
    _log.error("%s", text)
    if slack_webhook_url is not None:
        plain = slack.escape(text)
        section = {"type": "section", "text": {"type": "mrkdwn", "text": plain[:3000]}}
        slack.post(slack_webhook_url, plain, [section])
