"""What the one on call is told at once: a run that died, a change that is overdue."""

from __future__ import annotations

import logging

from cct_ops.clients import slack
from cct_ops.models.topic import Topic
from cct_ops.voice import Voice

_log = logging.getLogger(__name__)


def tell(voice: Voice, text: str, topic: Topic) -> None:
    """Say it in the log and to people; raises when Slack does not take it."""
    _log.error("%s", text)
    plain = slack.escape(text)
    section = {"type": "section", "text": {"type": "mrkdwn", "text": plain[:3000]}}
    voice.say((plain, [section]), topic, urgent=True)
